'use strict';

/** Every group with topics has this one; a message that names it is refused. */
const GENERAL_TOPIC = 1;

/**
 * A place to talk in: a chat, or one topic of a group that has some. Its conversation is `<chat>` or `<chat>:<topic>`, so that topics do
 * not share a memory.
 */
const placeOf = ({ chat, message_thread_id: topic, is_topic_message: isTopic }) => ({
  chat: String(chat.id),
  // Replies in ordinary groups have a thread, too, and no topic.
  ...(isTopic === true && Number.isInteger(topic) && { topic }),
});

const conversationOf = ({ chat, topic }) => (topic === undefined ? chat : `${chat}:${topic}`);

/** @returns undefined when the message names none */
const placeNamedBy = ({ content, conversation }) => {
  const { chat, topic } = typeof content === 'object' ? content : {};
  if (typeof chat === 'string' || typeof chat === 'number') return { chat: String(chat), ...(Number.isInteger(topic) && { topic }) };
  const [, named, ofNamed] = /^([^:]+)(?::(\d+))?$/.exec(conversation ?? '') ?? [];
  return named === undefined ? undefined : { chat: named, ...(ofNamed !== undefined && { topic: Number(ofNamed) }) };
};

/** What Telegram wants to be told of the topic. */
const threadOf = ({ topic }) => (topic === GENERAL_TOPIC ? undefined : topic);

module.exports = { conversationOf, placeNamedBy, placeOf, threadOf };
