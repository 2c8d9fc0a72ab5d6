import { BotApiDouble } from './bot-api-double.mjs';

/** What `npm run plugin:test` needs to try the platform: a far side, and a message that can be carried out. */
export default async () => {
  const double = await BotApiDouble.open();
  return {
    config: { apiUrl: double.url, pollSeconds: 1 },
    secrets: { BOT_TOKEN: BotApiDouble.TOKEN },
    message: { content: 'hello', conversation: '42' },
    close: () => double.close(),
  };
};
