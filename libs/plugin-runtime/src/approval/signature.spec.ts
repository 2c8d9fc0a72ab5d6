import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fingerprint } from './file-tree';
import { signIntegrity } from './signature';
import { ApprovalStage } from './testing/approval-stage';

let stage: ApprovalStage;
beforeEach(() => (stage = new ApprovalStage()));
afterEach(() => stage.close());

describe('a signature', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url').toString('base64');
  const signed = async (name = 'p') => {
    await stage.plugin(name);
    const { integrity } = await fingerprint(stage.tree.path(`plugins/${name}-1.0.0`));
    stage.tree.write(`plugins/${name}-1.0.0/conductor.sig`, signIntegrity(integrity, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()));
    return stage.found(name);
  };

  it.each([['PEM', pem], ['32 bytes in base64', raw]])('is recognised by a key given as %s', async (_, key) => {
    const { approvals, lock } = await stage.setUp({ keys: { acme: key }, strict: true });
    const one = await signed();

    expect(await approvals.inspect(one)).toMatchObject({ signature: { state: 'valid', key: 'acme' }, obstacles: [] });
    const { generation } = await stage.approve(one, approvals);
    expect(lock.approval('p', '1.0.0')).toMatchObject({ signedBy: 'acme' });
    // It is not covered by the hash, so nobody may load it as code.
    expect(existsSync(`${generation.folder}/conductor.sig`)).toBe(false);
  });

  it('does not hold for other files, or by other keys', async () => {
    const other = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const one = await signed();
    expect((await (await stage.setUp({ keys: { other } })).approvals.inspect(one)).obstacles).toEqual([expect.stringContaining('none of the configured keys')]);

    stage.tree.write('plugins/p-1.0.0/index.js', 'changed');
    const changed = (await stage.setUp({ keys: { acme: pem } })).approvals;
    await expect(stage.approve(one, changed)).rejects.toMatchObject({ code: 'not-approvable' });
  });

  it.each(['', 'nonsense', 'x'.repeat(100_000)])('that is none is refused (%#)', async (text) => {
    const { approvals } = await stage.setUp();
    const one = await stage.plugin('p');
    stage.tree.write('plugins/p-1.0.0/conductor.sig', text);

    expect(await approvals.inspect(one)).toMatchObject({ signature: { state: 'invalid' } });
  });

  it('is missed in strict mode only, also by what was approved before', async () => {
    const one = await stage.plugin('p');
    const lenient = await stage.setUp();
    await stage.approve(one, lenient.approvals);

    const strict = await stage.setUp({ strict: true });
    expect((await strict.approvals.inspect(one)).obstacles).toEqual([expect.stringContaining('not signed')]);
    await expect(strict.approvals.permit('p', '1.0.0')).rejects.toMatchObject({ code: 'unsigned' });
  });
});
