/** The statements of the patch series that scenarios test: scenarios/series/claims.yaml. */
import path from 'node:path';
import { z } from 'zod';
import { projectDirectory } from '../config/project-directory.ts';
import { readYaml } from '../config/yaml-file.ts';

/** One statement of the series. */
export interface Claim {
  /** `D5`, `R1`, `v8-2`, `v11-T3`. */
  readonly id: string;
  readonly statement: string;
  /** Why nothing of it can be seen from outside; absent: scenarios test it. */
  readonly unseen?: string;
  /** The part of it that scenarios do not see. */
  readonly partly?: string;
}

const claimsSchema = z.strictObject({
  schema: z.literal(1),
  series: z.string().min(1),
  claims: z
    .array(
      z.strictObject({
        id: z.string().regex(/^(D|R|v\d+-T?)\d+$/),
        statement: z.string().min(1),
        unseen: z.string().min(1).exactOptional(),
        partly: z.string().min(1).exactOptional(),
      }),
    )
    .min(1),
});

/** @throws ConfigurationError with file, line and field */
export function loadClaims(file: string = shippedClaims): readonly Claim[] {
  return readYaml(file, claimsSchema).claims;
}

const shippedClaims = path.join(projectDirectory, 'scenarios', 'series', 'claims.yaml');
