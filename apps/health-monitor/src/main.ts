import { runApp } from '@conductor/http';
import { HealthMonitorModule } from './health-monitor.module';

/** Checks every platform, judges it, and lets every router know. */
void runApp('health-monitor', (context) => HealthMonitorModule.register(context), {
  openapi: { title: 'Conductor: health monitor', description: 'The health of every platform, now and in the past.' },
});
