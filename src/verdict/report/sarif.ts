/**
 * Findings of lint as a SARIF log, which code hosts show beside the lines of a merge request: OASIS Static Analysis
 * Results Interchange Format, version 2.1.0.
 */
import { type Finding, placeText, type Severity } from '../../model/lint/finding.ts';
import type { Rule } from '../../model/lint/rule.ts';

export interface SarifResult {
  readonly finding: Finding;
  /** The file that it is shown at, as a path relative to the repository or an absolute one. */
  readonly file: string;
  /** The subject, if there are several: `dom0-and-guest on rpi5`. */
  readonly configuration?: string;
}

export interface SarifTool {
  readonly version: string;
  readonly rules: readonly Rule[];
}

/** @returns the log, one run of one tool, ending in a newline */
export function renderSarif(results: readonly SarifResult[], { version, rules }: SarifTool): string {
  const indices = new Map(rules.map(({ id }, index) => [id, index]));
  const log = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: { name: 'scmi-hil', semanticVersion: version, rules: rules.map(ruleDescriptor) },
        },
        columnKind: 'utf16CodeUnits',
        results: results.map(each => result(each, indices)),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

/** SARIF's levels have the names of the severities (section 3.27.10). */
const levels: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', note: 'note' };

function ruleDescriptor({ id, severity, title, consequence, hint, documented }: Rule) {
  const help = `${consequence}\n\n${hint}\n\nSee ${documented.join(', ')}.`;
  return {
    id,
    shortDescription: { text: title },
    fullDescription: { text: consequence },
    help: { text: help, markdown: help },
    defaultConfiguration: { level: levels[severity] },
  };
}

function result({ finding, file, configuration }: SarifResult, indices: ReadonlyMap<string, number>) {
  const { rule, severity, place, message, consequence, predicted, hint } = finding;
  const where = placeText(place);
  const lines = predicted.map(line => `\n    ${line}`).join('');
  return {
    ruleId: rule,
    ruleIndex: indices.get(rule) ?? -1,
    level: levels[severity],
    message: {
      text: `${configuration === undefined ? '' : `${configuration}: `}${where}: ${message}. ${consequence}${lines}\n${hint}`,
    },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(file) },
          region: { startLine: place.line ?? 1 },
        },
        ...(place.node === undefined
          ? {}
          : { logicalLocations: [{ fullyQualifiedName: place.node, kind: 'element' }] }),
      },
    ],
    partialFingerprints: { 'scmiHilPlace/v1': `${rule} ${where} ${configuration ?? ''}`.trimEnd() },
  };
}

/** A path as a URI reference: relative ones stay relative. */
function uriOf(file: string): string {
  const encoded = file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/');
  return file.startsWith('/') ? `file://${encoded}` : encoded;
}
