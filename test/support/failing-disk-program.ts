// A process of its own that works with a store whose disk fails, and says what it was told. Usage: node failing-disk-program.ts DIRECTORY STORY;
// the sync that fails is the first one behind the word `now`. All of it is on one thread, so that syncs can be counted.

import { writeSync } from 'node:fs'
import { EngineRig } from './engine-rig.ts'

export const path = import.meta.filename

/** `commit`: the sync of a commit fails, and the store works on. `write-back`: one in between. `next-life`: another process works on. `again`: it is that one. */
export type FailingDiskStory = 'commit' | 'write-back' | 'next-life' | 'again'

const stories: Record<FailingDiskStory, (rig: EngineRig, queue: number) => void> = {
  commit: (rig, queue) => {
    rig.append(queue, 'for the system')
    append(rig, queue, 'that fails')
    rig.pass(10_000)
    append(rig, queue, 'behind it')
  },
  'write-back': (rig, queue) => {
    rig.engine.state.database.writeBackAt(4)
    rig.append(queue, 'for the system', { padding: 60_000 })
    rig.engine.state.database.writeBackAt(4000)
    append(rig, queue, 'behind it')
  },
  'next-life': (rig, queue) => {
    rig.append(queue, 'for the system')
    append(rig, queue, 'that fails')
  },
  again: (rig, queue) => append(rig, queue, 'behind it'),
}

function append(rig: EngineRig, queue: number, text: string): void {
  rig.turn(turn => {
    turn.durability = 'fsync'
    turn.append(queue, text, { durability: 'fsync' })
  })
  say(`${text}: ${rig.outcomes.at(-1)!.split(' ').slice(1).join(' ')}`)
}

function say(word: string): void {
  writeSync(1, `${word}\n`)
}

if (process.argv[1] === path) {
  const [directory, story] = process.argv.slice(2) as [string, FailingDiskStory]
  const rig = new EngineRig(directory)
  const queue = rig.queue('jobs', { durability: 'os' })
  if (story !== 'again') append(rig, queue, 'before')
  say('now')
  stories[story](rig, queue)
  // As a kill does it: nothing is closed.
  process.exit(0)
}
