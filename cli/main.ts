// Runs `callboard`.

const words = process.argv.slice(2)

// Its words are those of another program: they are not for the command tree, which would take `-V` and `-h` for its own.
if (words[0] === 'nats-server') {
  const { natsServer } = await import('./nats-server/main.ts')
  await natsServer(words.slice(1))
} else {
  const [{ buildProgram }, { runProgram }] = await Promise.all([import('./program.ts'), import('./run-program.ts')])
  await runProgram(buildProgram())
}
