// An agent of the bench that speaks: answers requests by the name of its agent, and the first instance of it those on a subject too.

import { connect } from '../../client/index.ts'

const client = await connect()
const { CALLBOARD_SERVICE = '', CALLBOARD_INSTANCE } = process.env
const answer = (message: { respond(value: unknown): Promise<void> }): Promise<void> => message.respond('y')
if (CALLBOARD_INSTANCE === '1') await client.subscribe(`bench.direct.${CALLBOARD_SERVICE}`, { onMessage: answer }).ready
await client.register({ name: CALLBOARD_SERVICE, onRequest: answer })
