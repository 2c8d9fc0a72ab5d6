import type { SandboxView } from '@conductor/contracts';
import type { SandboxedFigures } from '@conductor/plugin-runtime';
import { Controller, Get } from '@nestjs/common';
import { Plugins } from './plugins';

/** What stands around the plugins of this process, and what they use. */
@Controller('v1/plugins')
export class SandboxController {
  constructor(private readonly plugins: Plugins) {}

  @Get('sandbox')
  walls(): SandboxView {
    return this.plugins.view();
  }

  @Get('resources')
  resources(): { items: SandboxedFigures[] } {
    return { items: this.plugins.figures() };
  }
}
