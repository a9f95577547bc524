// Runs a program of classic BPF as the kernel does with system calls: what a filter says of a call, without making it.

export interface SystemCall {
  readonly architecture: number
  readonly call: number
  readonly arguments?: readonly number[]
}

/** The program's verdict: 0x7fff0000 allows, 0x0005nnnn answers with error nnnn. @throws Error when the kernel would refuse the program */
export function runFilter(program: Uint8Array, { architecture, call, arguments: given = [] }: SystemCall): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength)
  const data = new DataView(new ArrayBuffer(64))
  data.setUint32(0, call, true)
  data.setUint32(4, architecture, true)
  given.forEach((value, index) => data.setUint32(16 + index * 8, value >>> 0, true))
  let accumulator = 0
  for (let at = 0; at < program.length / 8;) {
    const [code, ifTrue, ifFalse, value] = [view.getUint16(at * 8, true), view.getUint8(at * 8 + 2), view.getUint8(at * 8 + 3), view.getUint32(at * 8 + 4, true)]
    at++
    if (code === 0x20) accumulator = data.getUint32(value, true)
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0
    else if (code === 0x15) at += accumulator === value ? ifTrue : ifFalse
    else if (code === 0x45) at += (accumulator & value) !== 0 ? ifTrue : ifFalse
    else if (code === 0x06) return value
    else throw new Error(`instruction ${at - 1} has the unknown code ${code}`)
  }
  throw new Error('the program ends without a verdict')
}
