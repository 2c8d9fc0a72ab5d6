import { ApprovalView, DiscoveryView, PluginInspection, PluginLogs, PluginName, PluginResources, PluginView, PluginVersion, ResolutionView, SandboxesView, SandboxView, SecretName, SwapReport } from '@conductor/contracts';
import { Allow, Answers, ApiTags, Caller, Fails, Trace, ZodBody, ZodParam, ZodQuery } from '@conductor/http';
import { PluginLog } from '@conductor/persistence';
import { Controller, Delete, Get, Inject, Post, Put } from '@nestjs/common';
import { z } from 'zod';
import { Changes } from '../audit/changes';
import { readHistory } from '../history/read-history';
import { PluginDesk } from './plugin-desk';
import { ApproveBody, ConfigBody, HistoryQuery, InspectionQuery, LoadBody, LogsQuery, ResolveBody, SecretBody, SwapBody } from './plugin-wording';

const Removed = z.object({ name: z.string(), removed: z.boolean() });

/** Plugins: what lies there, what runs, and how it gets from one version to the next. A plugin-host does it. */
@ApiTags('plugins')
@Controller('v1/plugins')
export class PluginsController {
  constructor(
    @Inject(PluginDesk) private readonly desk: PluginDesk,
    @Inject(PluginLog) private readonly log: PluginLog,
    @Inject(Changes) private readonly changes: Changes,
  ) {}

  @Get()
  @Answers(200, z.object({ items: z.array(PluginView) }))
  @Fails('no-plugin-host')
  list() {
    return this.desk.ask({ do: 'list' }, z.object({ items: z.array(PluginView) }));
  }

  /** The walls around plugins on the machine of the plugin-host that leads, and on that of each. */
  @Get('sandbox')
  @Answers(200, SandboxesView)
  @Fails('no-plugin-host')
  async sandbox(): Promise<SandboxesView> {
    const hosts = (await this.desk.askAll({ do: 'sandbox' }, SandboxView)).map(({ host, answer }) => ({ host, ...answer }));
    const { host: _, ...leading } = hosts[0]!;
    return { ...leading, hosts };
  }

  /** Looks at all plugin folders now. No code runs. */
  @Post('discover')
  @Answers(200, DiscoveryView)
  @Fails('no-plugin-host')
  discover() {
    return this.desk.ask({ do: 'discover' }, DiscoveryView);
  }

  /** Which versions would be chosen, or why none can be; changes nothing. */
  @Post('resolve')
  @Answers(200, ResolutionView)
  @Fails('no-plugin-host', 'invalid-request')
  resolve(@ZodBody(ResolveBody) { plugins }: z.output<typeof ResolveBody>) {
    return this.desk.ask({ do: 'resolve', wanted: plugins }, ResolutionView);
  }

  @Get(':name')
  @Answers(200, PluginView)
  @Fails('not-found', 'no-plugin-host')
  one(@ZodParam('name', PluginName) name: string) {
    return this.desk.ask({ do: 'show', name }, PluginView);
  }

  /** All that a person should know before they approve it: permissions, findings in its code, the hash of its files, what changed. */
  @Get(':name/inspection')
  @Answers(200, PluginInspection)
  @Fails('not-found', 'plugin-refused', 'no-plugin-host')
  inspect(@ZodParam('name', PluginName) name: string, @ZodQuery(InspectionQuery) { version }: z.output<typeof InspectionQuery>) {
    return this.desk.ask({ do: 'inspect', name, ...(version !== undefined && { version }) }, PluginInspection);
  }

  /** Lets this version run, with the permissions that its manifest asks for and the secrets that are named here. `missing` names those that it asks for and will not get yet, and what to do. */
  @Post(':name/approve')
  @Allow('admin')
  @Answers(200, ApprovalView)
  @Fails('not-found', 'plugin-changed', 'plugin-refused', 'plugin-busy', 'no-plugin-host')
  approve(@ZodParam('name', PluginName) name: string, @ZodBody(ApproveBody) body: z.output<typeof ApproveBody>, @Caller() caller: Caller, @Trace() trace: string) {
    const { version, integrity, secrets, acceptFindings } = body;
    return this.change('plugin.approve', name, caller, trace, { version, integrity, grantedNames: secrets, acceptFindings }, () => this.desk.ask({ do: 'approve', name, ...body, by: caller.name }, ApprovalView), ({ permissions, platforms, signedBy }) => ({ permissions, platforms, signedBy }));
  }

  @Delete(':name/approvals/:version')
  @Allow('admin')
  @Answers(200, PluginView)
  @Fails('not-found', 'conflict', 'no-plugin-host')
  revoke(@ZodParam('name', PluginName) name: string, @ZodParam('version', PluginVersion) version: string, @Caller() caller: Caller, @Trace() trace: string) {
    return this.change('plugin.revoke', name, caller, trace, { version }, () => this.desk.ask({ do: 'revoke', name, version, by: caller.name }, PluginView));
  }

  /** Hands a secret in. It is kept on the plugin-host for that plugin, and shown to nobody again. */
  @Put(':name/secrets/:secret')
  @Allow('admin')
  @Answers(200, PluginView)
  @Fails('not-found', 'conflict', 'no-plugin-host')
  giveSecret(@ZodParam('name', PluginName) name: string, @ZodParam('secret', SecretName) secret: string, @ZodBody(SecretBody) { value }: z.output<typeof SecretBody>, @Caller() caller: Caller, @Trace() trace: string) {
    return this.change('plugin.secret-given', name, caller, trace, { named: secret }, () => this.desk.giveSecret({ name, secret, value, by: caller.name }, PluginView));
  }

  @Delete(':name/secrets/:secret')
  @Allow('admin')
  @Answers(200, PluginView)
  @Fails('not-found', 'no-plugin-host')
  forgetSecret(@ZodParam('name', PluginName) name: string, @ZodParam('secret', SecretName) secret: string, @Caller() caller: Caller, @Trace() trace: string) {
    return this.change('plugin.secret-forgotten', name, caller, trace, { named: secret }, () => this.desk.ask({ do: 'forget-secret', name, secret, by: caller.name }, PluginView));
  }

  /** Sets its configuration, which must fit the schema in its manifest. One that runs goes over to it as in a swap. */
  @Put(':name/config')
  @Answers(200, PluginView)
  @Fails('not-found', 'invalid-request', 'swap-start-failed', 'swap-health-failed', 'no-plugin-host')
  configure(@ZodParam('name', PluginName) name: string, @ZodBody(ConfigBody) config: z.output<typeof ConfigBody>, @Caller() caller: Caller, @Trace() trace: string) {
    // Values may be as secret as secrets.
    return this.change('plugin.configure', name, caller, trace, { fields: Object.keys(config) }, () => this.desk.ask({ do: 'configure', name, config, by: caller.name }, PluginView));
  }

  /** Takes it into use, with the plugins that it asks for. */
  @Post(':name/load')
  @Answers(200, PluginView)
  @Fails('not-found', 'plugin-not-approved', 'plugin-changed', 'plugin-conflict', 'plugin-start-failed', 'conflict', 'no-plugin-host')
  load(@ZodParam('name', PluginName) name: string, @ZodBody(LoadBody) body: z.output<typeof LoadBody>, @Caller() caller: Caller, @Trace() trace: string) {
    const version = body?.version;
    return this.change('plugin.load', name, caller, trace, { version }, () => this.desk.ask({ do: 'load', name, ...(version !== undefined && { version }), by: caller.name }, PluginView));
  }

  /** It finishes what it has in hand and goes; its messages wait, or go to their fallbacks. */
  @Post(':name/unload')
  @Answers(200, PluginView)
  @Fails('not-found', 'plugin-needed', 'plugin-busy', 'no-plugin-host')
  unload(@ZodParam('name', PluginName) name: string, @Caller() caller: Caller, @Trace() trace: string) {
    return this.change('plugin.unload', name, caller, trace, { enabled: false }, () => this.desk.ask({ do: 'unload', name, by: caller.name }, PluginView));
  }

  /** Takes it to another version while messages go on. When a step fails, the old version serves, and the answer names the step. */
  @Post(':name/swap')
  @Answers(200, SwapReport)
  @Fails('not-found', 'conflict', 'plugin-busy', 'swap-resolve-failed', 'swap-scan-failed', 'swap-start-failed', 'swap-health-failed', 'swap-canary-failed', 'swap-hand-over-failed', 'no-plugin-host')
  swap(@ZodParam('name', PluginName) name: string, @ZodBody(SwapBody) { version }: z.output<typeof SwapBody>, @Caller() caller: Caller, @Trace() trace: string) {
    return this.change('plugin.swap', name, caller, trace, { version }, () => this.desk.ask({ do: 'swap', name, version, by: caller.name }, SwapReport));
  }

  /** Goes back to the version before, in the same way. */
  @Post(':name/rollback')
  @Answers(200, SwapReport)
  @Fails('not-found', 'conflict', 'plugin-busy', 'swap-start-failed', 'swap-health-failed', 'swap-canary-failed', 'no-plugin-host')
  rollback(@ZodParam('name', PluginName) name: string, @Caller() caller: Caller, @Trace() trace: string) {
    return this.change('plugin.rollback', name, caller, trace, {}, () => this.desk.ask({ do: 'rollback', name, by: caller.name }, SwapReport));
  }

  /** Takes it out of use and forgets its approvals, secrets and configuration. Its folder stays where it is. */
  @Delete(':name')
  @Allow('admin')
  @Answers(200, Removed)
  @Fails('not-found', 'plugin-needed', 'plugin-busy', 'no-plugin-host')
  remove(@ZodParam('name', PluginName) name: string, @Caller() caller: Caller, @Trace() trace: string) {
    return this.change('plugin.remove', name, caller, trace, {}, () => this.desk.ask({ do: 'remove', name, by: caller.name }, Removed));
  }

  /** The newest of what it wrote, of every host that runs it. With `Accept: text/event-stream` it goes on with each new line; `Last-Event-ID` resumes it. */
  @Get(':name/logs')
  @Allow('operator')
  @Answers(200)
  @Fails('not-found', 'no-plugin-host')
  async logs(@ZodParam('name', PluginName) name: string, @ZodQuery(LogsQuery) { limit }: z.output<typeof LogsQuery>) {
    const hosts = await this.desk.askAll({ do: 'logs', name, limit }, PluginLogs);
    return { hosts: hosts.map(({ host, answer }) => ({ host, ...answer })) };
  }

  /** Its processes and what each uses, on every host that runs it. With `Accept: text/event-stream` it goes on with each change. */
  @Get(':name/resources')
  @Answers(200)
  @Fails('not-found', 'no-plugin-host')
  async resources(@ZodParam('name', PluginName) name: string) {
    const hosts = await this.desk.askAll({ do: 'resources', name }, PluginResources);
    return { hosts: hosts.map(({ host, answer }) => ({ host, ...answer })) };
  }

  /** What became of it, the newest first, from the database. */
  @Get(':name/history')
  @Answers(200)
  async history(@ZodParam('name', PluginName) name: string, @ZodQuery(HistoryQuery) query: z.output<typeof HistoryQuery>) {
    return { items: await readHistory(() => this.log.list({ plugin: name, ...query })) };
  }

  /** Also what was refused is written down: somebody tried. */
  private async change<T>(action: string, name: string, caller: Caller, trace: string, wanted: object, work: () => Promise<T>, more: (done: T) => object = () => ({})): Promise<T> {
    try {
      const done = await work();
      await this.changes.record({ caller, action, subject: name, after: { ...wanted, ...more(done) }, trace });
      return done;
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      await this.changes.record({ caller, action: `${action}.refused`, subject: name, after: { ...wanted, code: typeof code === 'string' ? code : 'internal' }, trace });
      throw error;
    }
  }
}
