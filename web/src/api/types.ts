/** The answers and bodies of the service, by short names. Their shapes come from its OpenAPI. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Connector = Schemas["Connector"];
export type ConnectorConfig = Schemas["ConnectorConfig"];
export type ConnectorSet = Schemas["ConnectorSet"];
export type Diagnosis = Schemas["Diagnosis"];
export type Document = Schemas["Document"];
export type Explanation = Schemas["Explanation"];
export type FacetValue = Schemas["FacetValue"];
export type Filter = Schemas["Filter"];
export type Finding = Schemas["Finding"];
export type History = Schemas["History"];
export type HistoryPoint = Schemas["HistoryPoint"];
export type Hit = Schemas["Hit"];
export type Key = Schemas["Key"];
export type KeyMade = Schemas["KeyMade"];
export type KnowledgeBase = Schemas["KnowledgeBase"];
export type Omission = Schemas["Omission"];
export type Preview = Schemas["Preview"];
export type Run = Schemas["Run"];
export type SearchAnswer = Schemas["SearchAnswer"];
export type SearchRequest = Schemas["SearchRequest"];
export type ServiceHistory = Schemas["ServiceHistory"];
export type Session = Schemas["Session"];
export type Why = Schemas["Why"];

export interface Page<Item> {
  items: Item[];
  next_cursor?: string | null;
}
