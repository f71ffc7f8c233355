import { explainProblem, isWarning } from '../image/problem.js'
import { printable } from '../words.js'
import type { JudgedFile } from './report.js'

/**
 * The verdicts as a JUnit report, which CI servers show as tests: one test case for each file, failed where the file is refused.
 */
export function writeJunit(judged: readonly JudgedFile[]): string {
  const failures = judged.filter(({ verdict }) => verdict.verdict === 'reject').length
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="otad check" tests="${judged.length}" failures="${failures}">`,
    `  <testsuite name="firmware" tests="${judged.length}" failures="${failures}" errors="0" skipped="0">`,
    ...judged.flatMap(writeCase),
    '  </testsuite>',
    '</testsuites>',
    ''
  ].join('\n')
}

function writeCase({ file, verdict }: JudgedFile): string[] {
  const head = `    <testcase classname="${xmlText(verdict.kind)}" name="${xmlText(file)}"`
  const sentences = verdict.problems.filter(problem => !isWarning(problem)).map(explainProblem)
  if (verdict.verdict !== 'reject') return [`${head}/>`]
  const device = verdict.device.map(({ tag, text }) => `a device would say: ${tag === '' ? '' : `${tag}: `}${text}`)
  return [
    `${head}>`,
    `      <failure type="${xmlText(verdict.problems.find(problem => !isWarning(problem))?.code ?? 'reject')}" message="${xmlText(sentences[0] ?? '')}">${xmlText([...sentences, ...device].join('\n'))}</failure>`,
    '    </testcase>'
  ]
}

/** Text for XML 1.0, which knows no way at all to write control characters. */
function xmlText(text: string): string {
  const lines = text.split('\n').map(printable).join('\n')
  return lines.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
