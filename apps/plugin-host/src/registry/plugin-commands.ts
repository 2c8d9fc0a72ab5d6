import type { PluginCommand } from '@conductor/contracts';
import type { PluginAnswers, PluginChanges } from '@conductor/plugin-runtime';

/** Carries out what the conductor asks. What is thrown becomes its answer. */
export const carryOut =
  (answers: PluginAnswers, changes: PluginChanges) =>
  async (command: PluginCommand): Promise<unknown> => {
    switch (command.do) {
      case 'list':
        return { items: await answers.list() };
      case 'show':
        return answers.show(command.name);
      case 'discover':
        return answers.discover();
      case 'resolve':
        return answers.resolve(command.wanted);
      case 'inspect':
        return answers.inspect(command.name, command.version);
      case 'approve':
        return changes.approve(command);
      case 'revoke':
        await changes.revoke(command);
        return answers.show(command.name);
      case 'configure':
        await changes.configure(command);
        return answers.show(command.name);
      case 'give-secret':
        await changes.giveSecret(command);
        return answers.show(command.name);
      case 'forget-secret':
        await changes.forgetSecret(command);
        return answers.show(command.name);
      case 'load':
        await changes.load(command);
        return answers.show(command.name);
      case 'unload':
        await changes.unload(command);
        return answers.show(command.name);
      case 'swap':
        return changes.swap(command);
      case 'rollback':
        return changes.rollback(command);
      case 'remove':
        await changes.remove(command);
        return { name: command.name, removed: true };
      case 'logs':
        return answers.logs(command.name, command.limit, command.after);
      case 'resources':
        return answers.resources(command.name);
      case 'sandbox':
        return answers.sandbox();
    }
  };
