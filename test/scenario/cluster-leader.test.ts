// The leader of JetStream is killed.

import { leaderTrouble } from '../support/leader-trouble.ts'
import { natsStory } from '../support/nats-server.ts'

natsStory('leader: when it is killed messages go on at once, and new channels and clients are known as soon as there is another', async t => {
  await leaderTrouble(t, leader => leader.kill(), leader => leader.start())
})
