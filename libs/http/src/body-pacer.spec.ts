import { Body, Controller, Module, Post } from '@nestjs/common';
import { Allow } from './access';
import { TestApp } from './door.fixture';

@Controller('bodies')
class BodiesController {
  received = 0;

  @Post()
  @Allow('ingress')
  take(@Body() { text }: { text: string }) {
    this.received += text.length;
    return { bytes: text.length };
  }
}

@Module({ controllers: [BodiesController] })
class BodiesModule {}

const MB = 1_048_576;
const LARGE = { text: 'x'.repeat(MB / 2) };

describe('large bodies of one key', () => {
  let app: TestApp;
  beforeEach(async () => (app = await TestApp.start(BodiesModule, { env: { RATE_LIMIT_BODY_MB_PER_SECOND: '1' } })));
  afterEach(() => app.end());

  it('come in at a steady rate; what is far too much is refused before it is read, and small ones of anybody pass', async () => {
    const [flooder, other] = [await app.keyOf('ingress'), await app.keyOf('ingress')];
    const startedAt = Date.now();
    const answers = await Promise.all([
      ...Array.from({ length: 40 }, () => app.fetch('/bodies', { key: flooder, json: LARGE })),
      app.fetch('/bodies', { key: other, json: LARGE }),
      app.fetch('/bodies', { key: flooder, json: { text: 'small' } }),
    ]);
    const seconds = (Date.now() - startedAt) / 1_000;
    const [small, ofOther] = [answers.pop()!, answers.pop()!];

    expect([small.status, ofOther.status]).toEqual([201, 201]);
    const refused = answers.filter(({ status }) => status === 429);
    // A second's worth at once, ten that wait: of the 20 MB nine are too many.
    expect(refused.length).toBeGreaterThanOrEqual(10);
    expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused[0]!.json()).toMatchObject({ code: 'rate-limited', detail: expect.stringContaining('RATE_LIMIT_BODY_MB_PER_SECOND') });
    const taken = answers.filter(({ status }) => status === 201).length * LARGE.text.length;
    expect(taken / MB).toBeLessThanOrEqual(1 + seconds + 1);
    expect(answers.every(({ status }) => status === 201 || status === 429)).toBe(true);
  }, 60_000);

  it('count as the largest where they are sent in pieces and do not say how large they are', async () => {
    const key = await app.keyOf('ingress');
    const inPieces = () => app.fetch('/bodies', { key, method: 'POST', duplex: 'half', headers: { 'content-type': 'application/json' }, body: new ReadableStream({ start: (stream) => (stream.enqueue(Buffer.from('{"text":"x"}')), stream.close()) }) });
    const statuses = (await Promise.all(Array.from({ length: 20 }, inPieces))).map(({ status }) => status);

    expect(statuses.filter((status) => status === 201).length).toBeGreaterThan(0);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
  }, 60_000);
});
