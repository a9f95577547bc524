// A channel as a child of its supervisor: while it runs, its name owns subjects and it has an account.

import type { Core } from '../broker/core.ts'
import type { ChannelSpec } from '../broker/ground/types.ts'
import { channelMachine } from '../machines/channel.ts'
import { Actor } from './actor.ts'
import type { Environment } from './behaviour.ts'
import type { ChildSpec } from './child-spec.ts'

/** The child `channel.<name>`. A deleted channel ends with `normal` and is not restarted. */
export function channelChild(core: Core, spec: ChannelSpec, environment: Environment): ChildSpec {
  const id = `channel.${spec.name}`
  const tokens = spec.name.split('.')
  return {
    id,
    kind: 'channel',
    restart: 'transient',
    create: () =>
      new Actor({
        id,
        kind: 'channel',
        machine: channelMachine,
        environment,
        behaviour: {
          init(scope) {
            core.channels.add(spec)
            core.accounts.open(spec.name, core.settings.channels.find(({ name }) => name === spec.name)?.flow)
            core.routes.invalidate(tokens)
            // Who is here gets what others publish there, subscribed or not.
            const unasked = spec.mode === 'broadcast' ? [spec.name, `${spec.name}.>`] : []
            for (const pattern of unasked) core.bus.interested(pattern, undefined)
            scope.defer(() => {
              for (const pattern of unasked) core.bus.lostInterest(pattern, undefined)
              core.channels.remove(spec.name)
              core.accounts.retire(spec.name)
              core.routes.invalidate(tokens)
            })
          },
          detail: () => `${spec.mode}, ${core.accounts.channel(spec.name)?.accepted ?? 0} accepted`,
        },
      }),
  }
}
