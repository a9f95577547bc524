import test from 'ava'
import { subjectInName } from '../../../broker/ground/span-attributes.ts'

test('span names: subjects appear whole, except where there would be many', t => {
  t.is(subjectInName('status.weather'), 'status.weather')
  t.is(subjectInName('$CB.to.agent.weather'), '$CB.to.agent.weather')
  t.is(subjectInName('$CB.to.client.demo-4711'), '$CB.to.client.*')
  t.is(subjectInName('$CB.to.session.0123'), '$CB.to.session.*')
  t.is(subjectInName('_INBOX.a.b'), '_INBOX.*')
  t.is(subjectInName('a.b.c.d.e.f'), 'a.b.c.d.e.f')
  t.is(subjectInName('a.b.c.d.e.f.g'), 'a.b.c.d.e.f.>')
})
