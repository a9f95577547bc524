// As whom agents run that are not to run as the broker, as the configuration says. Starts nothing.

import { BrokerError } from '../broker/ground/errors.ts'
import type { AgentSettings } from '../broker/ground/settings.ts'
import { readInstanceId } from './instance-id.ts'
import { findUser, type UnixUser } from './unix-user.ts'

/** Looked up once: a user that is changed later is another's agent from the broker's next start on. */
export class AgentUsers {
  /** By agent; an error says why it cannot be. */
  readonly #users = new Map<string, UnixUser | BrokerError>()

  constructor(agents: readonly AgentSettings[]) {
    for (const { name, user, group } of agents) if (user !== undefined) this.#users.set(name, resolve(name, user, group))
  }

  /** undefined: it runs as the broker does. @throws BrokerError `agent.user` */
  of(agent: string): UnixUser | undefined {
    const user = this.#users.get(agent)
    if (user instanceof BrokerError) throw user
    return user
  }

  /** The number of the user as whom an agent's credential `agent:<instance id>` may come beside the broker's own; undefined: as no other. */
  uidOf(principal: string): number | undefined {
    const [, id = ''] = /^agent:(.*)$/.exec(principal) ?? []
    const agent = readInstanceId(id)?.agent
    const user = agent === undefined ? undefined : this.#users.get(agent)
    return user instanceof BrokerError ? undefined : user?.uid
  }

  /** The numbers of all that are needed. */
  get uids(): readonly number[] {
    return [...new Set([...this.#users.values()].flatMap(user => (user instanceof BrokerError ? [] : [user.uid])))]
  }
}

function resolve(agent: string, user: string, group: string | undefined): UnixUser | BrokerError {
  const ownUid = process.getuid?.()
  try {
    if (process.platform !== 'linux') throw new Error(`that needs Linux, this is ${process.platform}`)
    const found = findUser(user, group)
    if (ownUid !== 0) throw new Error(`the broker runs as uid ${ownUid}, and only root may start programs as ${user}; run it as root, or take user out`)
    return found
  } catch (error) {
    return new BrokerError('agent.user', { agent, problem: error instanceof Error ? error.message : String(error) }, { cause: error })
  }
}
