import { newRowId } from './row-id';

describe('A row id', () => {
  const ids = Array.from({ length: 20_000 }, newRowId);

  it('is a UUID of version 7 that begins with the time', () => {
    expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true);
    expect(Math.abs(Number.parseInt(newRowId().replace('-', '').slice(0, 12), 16) - Date.now())).toBeLessThan(1000);
  });

  it('is greater than the one before, also within one millisecond', () => {
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
