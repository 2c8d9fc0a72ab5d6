import { redact } from './redact';

describe('Redaction', () => {
  it.each(['apiKey', 'api_key', 'API-KEY', 'key', 'token', 'accessToken', 'clientSecret', 'password', 'dbPassword', 'x-api-key', 'privateKeys', 'Authorization', 'set-cookie', 'keyHash', 'token_value', 'apikey'])(
    'hides the value of %s',
    (name) => {
      expect(redact({ [name]: 'hunter2' })).toEqual({ [name]: '[redacted]' });
      expect(redact({ [name]: { value: 'hunter2' } })).toEqual({ [name]: '[redacted]' });
    },
  );

  it.each(['keyId', 'tokenCount', 'keyName', 'platform', 'secretary', 'tokenizer'])('leaves %s as it is', (name) => {
    expect(redact({ [name]: 'discord' })).toEqual({ [name]: 'discord' });
  });

  it('looks into lists and objects of any depth, and leaves the original alone', () => {
    const original = { list: [{ deep: { token: 'hunter2', port: 1 } }], none: null, token: undefined };

    expect(redact(original)).toEqual({ list: [{ deep: { token: '[redacted]', port: 1 } }], none: null, token: undefined });
    expect(original.list[0]?.deep.token).toBe('hunter2');
  });

  it('hides credentials in addresses and authorization headers', () => {
    expect(redact('postgres://conductor:hunter2@db:5432/x and Bearer abc.def-123')).toBe('postgres://[redacted]@db:5432/x and Bearer [redacted]');
  });

  it('survives what JSON cannot hold', () => {
    const circle: Record<string, unknown> = { at: new Date(0), big: 1n, map: new Map([['secret', 'hunter2']]) };
    circle['self'] = circle;

    expect(redact(circle)).toEqual({ at: '1970-01-01T00:00:00.000Z', big: '1', map: { secret: '[redacted]' }, self: '[circular]' });
  });
});
