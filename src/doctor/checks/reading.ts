import { counted } from '../../words.js'
import { placeOf } from '../expected.js'
import type { Facts, ProjectFacts } from '../facts.js'
import { type Found, warning } from '../finding.js'

/** What was not looked at: nobody may take it for healthy. */
export function checkReading({ projects }: Facts): readonly Found[] {
  return projects.flatMap(project => [...checkUnread(project), ...checkLeftOut(project)])
}

function checkUnread(project: ProjectFacts): readonly Found[] {
  const { unread } = project
  if (unread.length === 0) return []
  return [
    warning(
      'project-unreadable',
      `${placeOf(project, listed(unread), null)} cannot be read: what is in there is not known`,
      'ask as the user whom the project belongs to, or let this one read it: chmod -R u+rX'
    )
  ]
}

function checkLeftOut(project: ProjectFacts): readonly Found[] {
  const { leftOut, marks } = project
  if (leftOut.length === 0) return []
  return [
    warning(
      'project-too-large',
      `${placeOf(project, listed(leftOut), null)} was not looked at: there are too many files (${counted(marks.files, 'source')} read)`,
      'name the folder of the project alone: otad doctor FOLDER'
    )
  ]
}

/** Named at most; the rest is counted. */
const MOST_NAMED = 3

function listed(files: readonly string[]): string {
  const more = files.length > MOST_NAMED ? ` and ${files.length - MOST_NAMED} more` : ''
  return `${files.slice(0, MOST_NAMED).join(', ')}${more}`
}
