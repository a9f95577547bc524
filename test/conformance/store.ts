// What holds for queues in every store. Each store passes it in a file of its own, store-<name>.test.ts, which says what it lacks.

import test from 'ava'
import { appending } from './store/appending.ts'
import { ending } from './store/ending.ts'
import { forwarding } from './store/forwarding.ts'
import { keeping } from './store/keeping.ts'
import { leasing } from './store/leasing.ts'
import { limiting } from './store/limiting.ts'
import { modelling } from './store/modelling.ts'
import { ordering } from './store/ordering.ts'
import { sharing } from './store/sharing.ts'
import type { Story, StoreSubject } from './store/story.ts'

/** Declares all stories for one store. */
export function storeConformance(subject: StoreSubject): void {
  const stories = (restart: boolean): Story => (title, run, ...needs) => {
    const full = `store (${subject.name}): ${title}`
    const lack = needs.find(part => subject.lacks.includes(part))
    if (lack === undefined) subject.declare(full, async t => run(t, await subject.world(t, restart || needs.includes('restart'))))
    else test.skip(`${full} (left out: this store lacks ${lack})`, () => {})
  }
  for (const part of [appending, leasing, ending, limiting, ordering, keeping, forwarding, sharing]) part(stories(false))
  modelling(stories(true), subject)
}
