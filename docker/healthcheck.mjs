// Healthy is an app that can do its work now: the same that its /health/ready tells everyone else.
// `http` and not `fetch`: half the start-up time, and this runs every few seconds in every container.
import { readFileSync } from 'node:fs';
import { get } from 'node:http';

const { APP } = process.env;
// As the app itself finds it: what it is told, else what its description says.
const port = process.env[`${APP.toUpperCase().replaceAll('-', '_')}_PORT`] || JSON.parse(readFileSync(`/app/dist/apps/${APP}/app.json`, 'utf8')).port;

const request = get({ host: '127.0.0.1', port, path: '/health/ready', timeout: 4_000 }, (response) => {
  let body = '';
  response.setEncoding('utf8').on('data', (text) => (body += text));
  response.on('end', () => {
    // `docker inspect` shows it, the reason included.
    console.log(body);
    process.exit(response.statusCode === 200 ? 0 : 1);
  });
});
request.on('timeout', () => request.destroy(new Error('no answer within 4 s')));
request.on('error', (error) => {
  console.log(error.message);
  process.exit(1);
});
