import { runApp } from '@conductor/http';
import { RouterModule } from './router.module';

void runApp('router', (context) => RouterModule.register(context), {
  openapi: { title: 'Conductor router', description: 'Messages in: send one, follow it, ask where it would go.' },
});
