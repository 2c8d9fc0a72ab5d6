import { runApp } from '@conductor/http';
import { BrainModule } from './brain.module';

void runApp('brain', (context) => BrainModule.register(context), { mayLeave: true });
