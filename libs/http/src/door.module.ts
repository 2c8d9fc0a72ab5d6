import { type DynamicModule, Global, Module, type Provider, type Type } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { Admission } from './admission';
import { APP_CONTEXT, type AppContext } from './app-context';
import { HealthController } from './health.controller';
import { InFlight } from './in-flight';
import { ApiKeys } from './keys';
import { MetricsController } from './metrics.controller';
import { OpenStreams } from './open-streams';
import { ProblemsController } from './problems.controller';
import { SessionController } from './session.controller';
import { Sessions } from './sessions';

export interface DoorServices {
  context: AppContext;
  keys: ApiKeys;
  admission: Admission;
  inFlight: InFlight;
  sessions: Sessions | undefined;
}

/** What every app has at its door. The context and the keys can be injected anywhere. */
@Global()
@Module({})
export class DoorModule {
  static around(app: Type | DynamicModule, { context, keys, admission, inFlight, sessions }: DoorServices): DynamicModule {
    const shared: Provider[] = [
      { provide: APP_CONTEXT, useValue: context },
      { provide: ApiKeys, useValue: keys },
      { provide: OpenStreams, useValue: new OpenStreams(keys, sessions) },
    ];
    return {
      module: DoorModule,
      // Terminus would log every failed check; whoever asks gets the reasons.
      imports: [TerminusModule.forRoot({ logger: false }), app],
      controllers: [HealthController, MetricsController, ProblemsController, ...(sessions ? [SessionController] : [])],
      providers: [
        ...shared,
        { provide: InFlight, useValue: inFlight },
        { provide: Admission, useValue: admission },
        ...(sessions ? [{ provide: Sessions, useValue: sessions }] : []),
      ],
      exports: shared,
    };
  }
}
