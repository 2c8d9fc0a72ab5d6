export { Coalescer } from './coalescer';
export { AFTER_LETTER, DeadLetters } from './dead-letters';
export { jsonBytes, MAX_GROUP_BYTES, messageBytes, textBytes } from './json-bytes';
export { keysOf } from './keys';
export { type Acceptance, type AddressedReply, type Claim, Ledger, linesOf, type Retention, type Settlement, stepsOf } from './ledger';
export { type ConsumerOptions, type JobContext, type JobHandler, QueueConsumer } from './queue-consumer';
export { type QueueCounts, QueueProducer } from './queue-producer';
export { ReplyInbox } from './reply-inbox';
export { ReplySender } from './reply-sender';
