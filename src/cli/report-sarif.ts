import { pathToFileURL } from 'node:url'
import { explainProblem, isWarning, type Problem } from '../image/problem.js'
import { jsonText } from '../words.js'
import type { JudgedFile } from './report.js'

/**
 * The verdicts as SARIF 2.1.0, which code hosts show beside a change: one result for each problem, a rule for each of their codes.
 * Paths are as they were given; `version` is otad's.
 */
export function writeSarif(judged: readonly JudgedFile[], version: string): string {
  const codes = [...new Set(judged.flatMap(({ verdict }) => verdict.problems.map(({ code }) => code)))]
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'otad', version, rules: codes.map(id => ({ id })) } },
        artifacts: judged.map(({ file, length }) => ({ location: { uri: uriOf(file) }, length })),
        results: judged.flatMap(({ file, verdict }) => verdict.problems.map(problem => resultOf(file, problem)))
      }
    ]
  }
  return jsonText(log)
}

function resultOf(file: string, problem: Problem): object {
  return {
    ruleId: problem.code,
    level: isWarning(problem) ? 'warning' : 'error',
    message: { text: explainProblem(problem) },
    locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(file) } } }]
  }
}

/** A relative path stays relative, so that it is found in whatever checkout it is shown in. */
function uriOf(file: string): string {
  if (file === '-') return 'stdin'
  const isAbsolute = /^([a-z]:)?[\\/]/i.test(file)
  return isAbsolute ? pathToFileURL(file).href : file.split(/[\\/]/).map(encodeURIComponent).join('/')
}
