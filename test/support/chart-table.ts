// A whole chart as data, found by trying every event in every state that can be reached. Runs nothing.

import { initialTransition, transition, type AnyMachineSnapshot, type AnyStateMachine } from 'xstate'
import { stateName } from '../../machines/lifecycle.ts'

/** For each state, by name, the events that change it and the state that follows. */
export type ChartTable = Readonly<Record<string, Readonly<Record<string, string>>>>

/**
 * Explores `machine` with XState's pure `transition()`, from its initial state.
 * @throws Error when a transition asks for actions: charts have none
 */
export function chartTable(machine: AnyStateMachine): ChartTable {
  const table: Record<string, Record<string, string>> = {}
  // `xstate.…` events are the machine's own, raised within a step.
  const types = (machine.events as string[]).filter(type => !type.startsWith('xstate.'))
  const open: AnyMachineSnapshot[] = [initialTransition(machine)[0] as AnyMachineSnapshot]
  for (let from = open.pop(); from !== undefined; from = open.pop()) {
    const state = stateName(from.value)
    if (table[state] !== undefined) continue
    const row: Record<string, string> = (table[state] = {})
    for (const type of types) {
      const [next, actions] = transition(machine, from, { type }) as [AnyMachineSnapshot, readonly unknown[]]
      if (actions.length > 0) throw new Error(`${state} ${type} asks for actions`)
      if (stateName(next.value) === state) continue
      row[type] = stateName(next.value)
      open.push(next)
    }
  }
  return table
}
