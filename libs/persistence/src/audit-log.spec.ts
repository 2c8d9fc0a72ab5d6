import { AuditLog, type AuditRecord } from './audit-log';
import { onEachDatabase } from './testing/on-each-database';
import { CompiledLibrary } from './testing/run-in-process';

const change = (changes: Partial<AuditRecord> = {}): AuditRecord => ({ actor: 'ann', role: 'admin', action: 'platform.disable', subject: 'discord', ...changes });

onEachDatabase('The audit log', (bench) => {
  const library = new CompiledLibrary();
  afterAll(() => library.remove());

  it('gives back what was recorded, newest first', async () => {
    const log = new AuditLog(await bench.open());
    const first = await log.record(change({ before: { enabled: true }, after: { enabled: false }, trace: 't-1' }));
    await log.record(change({ actor: 'system', action: 'platform.enable' }));

    const { entries, next } = await log.list();

    expect(next).toBeUndefined();
    expect(entries).toMatchObject([{ id: 2, actor: 'system' }, { id: 1 }]);
    expect(entries[1]).toEqual(first);
    expect(first).toMatchObject({ at: expect.any(Number), before: { enabled: true }, after: { enabled: false }, trace: 't-1' });
  });

  it('keeps every character of a text, so that the chain holds', async () => {
    const log = new AuditLog(await bench.open());
    const odd = `it's "odd" \\ \\' ? ?? :name $1 %s {x} \u2028 \ud83d\ude80 ü\n--; drop table audit_entries;`;
    await log.record(change({ subject: odd, after: { [odd]: [odd, null, 1.5, true] } }));

    const [entry] = (await log.list({ subject: odd })).entries;
    expect(entry?.after).toEqual({ [odd]: [odd, null, 1.5, true] });
    expect(await log.verify()).toMatchObject({ ok: true, entries: 1 });
  });

  it('takes a search for what no text can hold as one that finds nothing', async () => {
    const log = new AuditLog(await bench.open());
    await log.record(change());

    expect((await log.list({ subject: '\0', actor: 'a\0', action: '\ud800' })).entries).toEqual([]);
  });

  it('says when a change was made, also when it could only be written later', async () => {
    const log = new AuditLog(await bench.open());
    await log.record(change({ at: 1_000 }));

    expect((await log.list()).entries).toMatchObject([{ at: 1_000 }]);
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('finds entries by time, actor, action and subject', async () => {
    const log = new AuditLog(await bench.open());
    const entries = [];
    for (const action of ['key.create', 'route.put', 'key.revoke']) entries.push(await log.record(change({ action, subject: action.split('.')[0] as string, actor: action === 'route.put' ? 'bob' : 'ann' })));
    const ids = async (query: Parameters<AuditLog['list']>[0]) => (await log.list(query)).entries.map(({ id }) => id);

    expect(await ids({ actor: 'bob' })).toEqual([2]);
    expect(await ids({ action: 'key.revoke' })).toEqual([3]);
    expect(await ids({ subject: 'key' })).toEqual([3, 1]);
    expect(await ids({ to: entries[0]?.at })).toEqual([]);
    expect(await ids({ from: entries[0]?.at, to: Date.now() + 1 })).toEqual([3, 2, 1]);
  });

  it('is read page by page without gap or repetition while new entries arrive', async () => {
    const log = new AuditLog(await bench.open());
    for (let n = 0; n < 5; n += 1) await log.record(change());

    const first = await log.list({ limit: 2 });
    await log.record(change());
    const second = await log.list({ limit: 2, cursor: first.next });
    const third = await log.list({ limit: 2, cursor: second.next });

    expect([first, second, third].map(({ entries }) => entries.map(({ id }) => id))).toEqual([[5, 4], [3, 2], [1]]);
    expect(third.next).toBeUndefined();
  });

  it('refuses a cursor that it has not given', async () => {
    await expect(new AuditLog(await bench.open()).list({ cursor: '1 or 1=1' })).rejects.toThrow(RangeError);
  });

  it('stays one chain when four processes record at the same moment', async () => {
    const place = await bench.place();
    const log = new AuditLog(await bench.open(place));

    await Promise.all(['a', 'b', 'c', 'd'].map((name) => library.run('testing/child.js', ['record-50-changes', JSON.stringify(place), name])));

    expect(await log.verify()).toMatchObject({ ok: true, entries: 200 });
    expect((await log.list({ actor: 'c', limit: 1000 })).entries).toHaveLength(50);
  });

  it('stays one chain when one process records many things at once', async () => {
    const log = new AuditLog(await bench.open());
    await Promise.all(Array.from({ length: 40 }, () => log.record(change())));

    expect(await log.verify()).toMatchObject({ ok: true, entries: 40 });
  });

  it('never holds a secret', async () => {
    const database = await bench.open();
    const log = new AuditLog(database);
    await log.record(change({ before: { apiKey: 'hunter2' }, after: { discord: { botToken: 'hunter2', url: 'redis://:hunter2@cache' } } }));

    const rows = await database.sql().selectFrom('audit_entries').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain('hunter2');
    expect((await log.list()).entries[0]?.after).toEqual({ discord: { botToken: '[redacted]', url: 'redis://[redacted]@cache' } });
  });
});

onEachDatabase('The chain of the audit log', (bench) => {
  const five = async () => {
    const database = await bench.open();
    const log = new AuditLog(database);
    for (let n = 1; n <= 5; n += 1) await log.record(change({ after: { n } }));
    return { log, entries: database.sql() };
  };

  it('is in order when nobody has touched it', async () => {
    const { log } = await five();
    const newest = (await log.list({ limit: 1 })).entries[0];

    expect(await log.verify()).toEqual({ ok: true, entries: 5, head: newest?.hash });
  });

  it.each([['actor', 'mallory'], ['after', '{"n":30}'], ['at', 12345], ['before', '{}'], ['trace', 'other']] as const)(
    'names the entry whose %s was changed',
    async (column, value) => {
      const { log, entries } = await five();
      await entries.updateTable('audit_entries').set({ [column]: value }).where('id', '=', 3).execute();

      expect(await log.verify()).toEqual({ ok: false, entries: 2, firstBroken: { id: 3, reason: expect.stringContaining('content') } });
    },
  );

  it('names the entry before which one was removed', async () => {
    const { log, entries } = await five();
    await entries.deleteFrom('audit_entries').where('id', '=', 3).execute();

    expect(await log.verify()).toEqual({ ok: false, entries: 2, firstBroken: { id: 4, reason: 'entry 3 is missing' } });
  });

  it('names the entry after one that was forged with a fitting hash of its own', async () => {
    const { log, entries } = await five();
    await entries.updateTable('audit_entries').set({ hash: 'f'.repeat(64), previous_hash: 'e'.repeat(64) }).where('id', '=', 3).execute();

    expect(await log.verify()).toMatchObject({ ok: false, firstBroken: { id: 3, reason: expect.stringContaining('continue') } });
  });

  it('is in order when it is empty', async () => {
    expect(await new AuditLog(await bench.open()).verify()).toEqual({ ok: true, entries: 0, head: '0'.repeat(64) });
  });
});
