/** `scmi-hil schema`: JSON Schemas of the YAML files, for editors. */
import path from 'node:path';
import { z } from 'zod';
import { boardTypeSchema } from '../board/board-type.ts';
import { labSchema } from '../lab/lab.ts';
import { doctorReportSchema } from '../doctor/finding.ts';
import { boardImagesSchema } from '../lab/images/board-images.ts';
import { scenarioSchema } from '../scenario/schema.ts';
import { type AddCommand, exitCode } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { writeFile } from './write-file.ts';

const schemas: Readonly<Record<string, { readonly title: string; readonly schema: z.ZodType }>> = {
  'board-type': { title: 'scmi-hil board type (boards/*.yaml)', schema: boardTypeSchema },
  doctor: { title: 'report of scmi-hil doctor --json', schema: doctorReportSchema },
  images: { title: 'scmi-hil images (firmware/*/images.yaml)', schema: boardImagesSchema },
  lab: { title: 'scmi-hil lab (lab.yaml)', schema: labSchema },
  scenario: { title: 'scmi-hil scenario (scenarios/*.yaml)', schema: scenarioSchema },
};

export const addSchema: AddCommand = (program, process, done) => {
  const command = program
    .command('schema [directory]')
    .description(
      'Writes the JSON Schemas of board types, their images, labs and scenarios, for editors that complete YAML.',
    )
    .action((directory: string | undefined) => {
      const into = path.resolve(process.cwd, directory ?? 'docs/schemas');
      for (const [file, text] of schemaFiles()) {
        writeFile(path.join(into, file), text);
        process.stdout.write(`${path.join(into, file)}\n`);
      }
      done(exitCode.met);
    });
  addHelpNotes(command, {
    examples: [
      ['schema', 'into docs/schemas of the working directory'],
      [
        'schema ~/.config/scmi-hil',
        'then begin lab.yaml with: # yaml-language-server: $schema=lab.schema.json',
      ],
    ],
    exits: { met: 'written', usage: commonExits.usage },
  });
};

/** The files that `schema` writes: name and text. */
export function schemaFiles(): ReadonlyMap<string, string> {
  const files = Object.entries(schemas).map(([name, { title, schema }]) => {
    const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' });
    return [`${name}.schema.json`, `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`] as const;
  });
  return new Map(files);
}
