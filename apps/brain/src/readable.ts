import { type Content, textOf } from '@conductor/contracts';
import { DeliveryFailure } from '@conductor/platform-kit';
import { isVisible } from './text';

/** What can be answered of a content: its text, or all of it where it has none. @throws DeliveryFailure when there is nothing */
export const readable = (content: Content): string => {
  const text = textOf(content).trim();
  if (isVisible(text)) return text;
  if (typeof content === 'object' && Object.keys(content).some((key) => key !== 'text')) return JSON.stringify(content);
  throw DeliveryFailure.never({ code: 'no-text', message: 'the message holds nothing that could be answered: give its content a `text`' });
};
