import { Ajv, type Options } from "ajv";
import type { FastifySchemaCompiler } from "fastify";

/**
 * What a body says is taken as it stands: a number is no string, and an unknown field is an error. Parameters are
 * text on the wire, so there numbers and flags are read from text.
 */
const common: Options = {
  allErrors: false,
  removeAdditional: false,
  useDefaults: false,
  strict: true,
  allowUnionTypes: true,
};

export function makeCompiler(): FastifySchemaCompiler<object> {
  const strict = withFormats(new Ajv({ ...common, coerceTypes: false }));
  const reading = withFormats(new Ajv({ ...common, coerceTypes: true }));
  return ({ schema, httpPart }) => (httpPart === "body" ? strict : reading).compile(schema);
}

function withFormats(ajv: Ajv): Ajv {
  return ajv
    .addFormat("date-time", (text: string) => isTime(text))
    .addFormat("uri", (text: string) => URL.canParse(text));
}

/** RFC 3339, with a zone. */
function isTime(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/.test(text) &&
    !Number.isNaN(Date.parse(text))
  );
}
