import { ReceiverDouble } from './receiver-double.mjs';

/** What `npm run plugin:test` needs to try the platform: a receiver, and a secret. */
export default async () => {
  const double = await ReceiverDouble.open();
  return { config: { url: double.url }, secrets: { WEBHOOK_SECRET: `whsec_${Buffer.from('a secret for tests only').toString('base64')}` }, close: () => double.close() };
};
