import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { type TaskMetadata, TaskMetadataSchema, TaskTemplateSchema } from "@homeplane/idl/flyteidl2/core/tasks";

const { number: metadataField } = TaskTemplateSchema.field.metadata;

/** The metadata alone of a TaskTemplate in base64: a template may weigh a megabyte, and this is read at every change of every action. Throws. */
export function templateMetadata(template: string): TaskMetadata {
  const reader = new BinaryReader(Buffer.from(template, "base64"));
  const parts: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === metadataField && wireType === WireType.LengthDelimited) parts.push(reader.bytes());
    else reader.skip(wireType, field);
  }
  // Parts of one message add up to it, as protobuf has it.
  return fromBinary(TaskMetadataSchema, Buffer.concat(parts));
}
