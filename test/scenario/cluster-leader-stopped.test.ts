// The leader of JetStream stands still.

import { leaderTrouble } from '../support/leader-trouble.ts'
import { natsStory } from '../support/nats-server.ts'

natsStory('leader: when it stands still messages go on after two pings, and new channels and clients are known as soon as there is another', async t => {
  await leaderTrouble(t, leader => leader.freeze(), leader => leader.thaw())
})
