import { parentPort } from 'node:worker_threads';
import { readRollups, type RollupsAsked } from '../rollups-in-sql';

/** The thread of a training run that reads the database, while the run itself loads what it learns with. Answers one question and ends. */
parentPort?.once('message', (asked: RollupsAsked) => void readRollups(asked).then((answer) => parentPort?.postMessage(answer)));
