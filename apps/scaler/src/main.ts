import { runApp } from '@conductor/http';
import { ScalerModule } from './scaler.module';

/** Sees the wall before it is hit, sheds the right platform, brings it back, and says why. */
void runApp('scaler', (context) => ScalerModule.register(context), {
  openapi: { title: 'Conductor: scaler', description: 'What the scaler has seen lately. What it decided is at the conductor’s door.' },
});
