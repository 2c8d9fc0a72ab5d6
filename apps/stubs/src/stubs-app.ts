import { runApp } from '@conductor/http';
import { StubsModule } from './stubs.module';

void runApp('stubs', (context) => StubsModule.register(context), { mayLeave: true });
