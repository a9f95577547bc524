// What the instances of an agent are called: the first as the agent, the others `agent/2`, `agent/3`. Knows nobody of that name.

/** Most instances of one agent. */
export const MAX_INSTANCES = 1000

/** An instance by agent and number. */
interface InstanceName {
  readonly agent: string
  /** 1 and more. */
  readonly instance: number
}

/** `number` is 1 and more. */
export function instanceId(agent: string, number: number): string {
  return number === 1 ? agent : `${agent}/${number}`
}

/** What an id stands for, `agent/1` too; undefined: no instance is called so. */
export function readInstanceId(id: string): InstanceName | undefined {
  const [, agent, number] = /^([A-Za-z0-9_-]+)(?:\/([1-9]\d{0,3}))?$/.exec(id) ?? []
  return agent === undefined ? undefined : { agent, instance: Number(number ?? 1) }
}
