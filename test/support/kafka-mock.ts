// Kafka brokers for tests: librdkafka's mock cluster in a process of its own, as no Kafka is to be had from Debian. It keeps messages in
// memory, answers what clients of librdkafka ask, and knows no request that makes or deletes topics or records: tests make topics by `topic`.

import { fork, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { MockCommand } from './kafka-mock-process.ts'
import type { Teardown } from './temporary-directory.ts'

const LIBRARY = /librdkafka\.so\.1/

/** Why there is none here, for tests to skip by; undefined: there is one. Where CI=true there must be. */
export const noKafkaMock: string | undefined =
  process.env['CI'] === 'true' || LIBRARY.test(spawnSync('/sbin/ldconfig', ['-p']).stdout?.toString() ?? '') ? undefined : 'librdkafka1 is not installed'

/** Declares a test that runs where librdkafka is installed, and no other one of its file beside it. */
export function kafkaStory(title: string, story: (t: ExecutionContext) => Promise<void>): void {
  if (noKafkaMock === undefined) test.serial(title, story)
  else test.skip(`${title} (left out: ${noKafkaMock})`, story)
}

export class KafkaMock {
  /** `host:port` of each broker; the first one has number 1. */
  readonly brokers: readonly string[]
  readonly #process: ChildProcess
  readonly #asked = new Map<number, (result: number) => void>()
  readonly #topics = new Set<string>()
  #last = 0

  private constructor(child: ChildProcess, brokers: readonly string[]) {
    this.#process = child
    this.brokers = brokers
    child.on('message', ({ number, result }: { number: number; result: number }) => {
      this.#asked.get(number)?.(result)
      this.#asked.delete(number)
    })
  }

  /** Runs until the test ends. */
  static async start(t: Teardown, brokers = 1): Promise<KafkaMock> {
    const child = fork(join(import.meta.dirname, 'kafka-mock-process.ts'), [String(brokers)], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    t.teardown(() => child.kill('SIGKILL'))
    const [{ bootstraps }] = (await once(child, 'message')) as [{ bootstraps: string }]
    return new KafkaMock(child, bootstraps.split(','))
  }

  async does(command: MockCommand): Promise<void> {
    const number = ++this.#last
    const { promise, resolve } = Promise.withResolvers<number>()
    this.#asked.set(number, resolve)
    this.#process.send({ ...command, number })
    const result = await promise
    if (result !== 0) throw new Error(`${JSON.stringify(command)}: error ${result}`)
  }

  /** Makes those topics that it has not made yet, of one partition each. */
  async topics(names: readonly string[]): Promise<void> {
    for (const name of names) {
      if (this.#topics.has(name)) continue
      this.#topics.add(name)
      await this.does({ do: 'topic', name, partitions: 1 })
    }
  }
}
