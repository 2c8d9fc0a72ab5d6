import { DatabaseUnavailable, isDataRefused, isUnavailable, messageOf } from './database-errors';

const coded = (code: string, message = 'x') => Object.assign(new Error(message), { code });
const sqlite = (errcode: number) => Object.assign(new Error('x'), { code: 'ERR_SQLITE_ERROR', errcode });

describe('An error of the database', () => {
  it.each([
    ['a refused connection', coded('ECONNREFUSED')],
    ['a broken pipe', coded('EPIPE')],
    ['an unknown host', coded('ENOTFOUND')],
    ['a server that shuts down', coded('57P01')],
    ['too many connections', coded('53300')],
    ['a deadlock', coded('40P01')],
    ['a server that became a standby', coded('25006')],
    ['a lost connection', new Error('Connection terminated unexpectedly')],
    ['a connection that took too long', new Error('timeout exceeded when trying to connect')],
    ['a busy file', sqlite(5)],
    ['a busy file that recovers', sqlite(261)],
    ['a full disk', sqlite(13)],
  ])('is an outage: %s', (_, error) => {
    expect(isUnavailable(error)).toBe(true);
    expect(isDataRefused(error)).toBe(false);
  });

  it.each([
    ['a missing table', coded('42P01', 'relation "read timeout" does not exist')],
    ['wrong SQL', sqlite(1)],
    ['a mistake of ours', new TypeError('x is not a function')],
    ['what is said already', DatabaseUnavailable.because(new Error('Connection terminated'))],
    ['no error at all', undefined],
  ])('is no outage: %s', (_, error) => {
    expect(isUnavailable(error)).toBe(false);
  });

  it.each([['a number out of range', coded('22003')], ['a missing value', coded('23502')], ['a broken constraint', sqlite(19)], ['a constraint by its extended code', sqlite(1299)]])(
    'refuses the data: %s',
    (_, error) => {
      expect(isDataRefused(error)).toBe(true);
      expect(isUnavailable(error)).toBe(false);
    },
  );

  it('is told in full when every address of a host has failed', () => {
    const both = new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')]);

    expect(DatabaseUnavailable.because(both).message).toBe('The database cannot be used now: connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1');
    expect(messageOf('text')).toBe('text');
  });
});
