import { runApp } from '@conductor/http';
import { AndroidModule } from './android.module';

void runApp('android', (context) => AndroidModule.register(context), {
  mayLeave: true,
  openapi: {
    title: 'Conductor: Android',
    description: 'Where phones log in, send messages, get answers and unasked messages. The socket is at `GET /v1/socket`; its frames are described in apps/android/README.md.',
  },
});
