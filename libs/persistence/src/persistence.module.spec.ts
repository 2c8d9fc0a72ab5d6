import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AuditLog, Database, MetricsHistory, MetricsRetention, MetricsWriter, PersistenceModule, TransitionLog } from '.';

@Injectable()
class Guest {
  constructor(
    readonly database: Database,
    readonly writer: MetricsWriter,
    readonly history: MetricsHistory,
    readonly retention: MetricsRetention,
    readonly audit: AuditLog,
    readonly transitions: TransitionLog,
  ) {}
}

@Module({ providers: [Guest], exports: [Guest] })
class GuestModule {}

describe('The persistence module', () => {
  const home = mkdtempSync(join(tmpdir(), 'conductor-module-'));
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('serves every module of the app, and leaves closing the database to the app', async () => {
    const app = await Test.createTestingModule({ imports: [PersistenceModule.register({ home }), GuestModule] }).compile();
    await app.init();
    const guest = app.get(Guest, { strict: false });
    await guest.database.migrate();
    await app.close();

    await guest.audit.record({ actor: 'system', role: 'system', action: 'app.stop', subject: 'conductor' });
    expect(await guest.audit.verify()).toMatchObject({ ok: true, entries: 1 });
    await guest.database.close();
    expect(await guest.database.isHealthy(AbortSignal.timeout(1000))).toBe(false);
  });
});
