// The service of the proto file by grpc-js and nothing else: SendMessage answers, Subscribe writes events as fast as the
// stream takes them. What a broker on this library cannot exceed. Run by Node: `echo.ts PORT`.

import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js'
import { gatewayDefinition } from './definition.ts'

const payload = Buffer.alloc(100, 'x')
const server = new Server({ 'grpc.max_receive_message_length': -1 })
let count = 0

server.addService(gatewayDefinition(), {
  SendMessage(_: ServerUnaryCall<object, object>, done: sendUnaryData<object>) {
    done(null, { messageId: `echo.1.1.${++count}`, receivers: 1 })
  },
  Subscribe(call: ServerWritableStream<object, object>) {
    const write = (): void => {
      let isRoom = true
      while (isRoom && !call.cancelled) isRoom = call.write({ kind: 'KIND_MESSAGE', id: `echo.1.1.${++count}`, subject: 'bench.grpc', sender: 'client-1', timeUs: Date.now() * 1000, payload })
    }
    call.on('drain', write)
    write()
  },
})
server.bindAsync(`127.0.0.1:${process.argv[2]}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error
})
