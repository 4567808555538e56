// How the maps of events that a program declares type its calls.
import { EventEmitter } from "node:events";

/** Events by name; each is typed by its listener. */
export interface EventsMap {
  [event: string]: any;
}

/** What is assumed when no events are declared: anything. */
export interface DefaultEventsMap {
  [event: string]: (...args: any[]) => void;
}

export type EventName<Map> = keyof Map & string;

/** The arguments of an event, the acknowledgement among them. */
export type EventArgs<Map, Name extends keyof Map> = Map[Name] extends (...args: infer Args) => any ? Args : any[];

type AnyFunction = (...args: any[]) => any;

/** The arguments without the acknowledgement. */
export type WithoutAck<Args extends any[]> = number extends Args["length"]
  ? any[]
  : Args extends [...infer Rest, infer Last]
    ? Last extends AnyFunction
      ? Rest
      : Args
    : Args;

/** What a client answers, as the parameters of the acknowledgement. */
export type AckArgs<Args extends any[]> = number extends Args["length"]
  ? any[]
  : Args extends [...any[], infer Last]
    ? Last extends (...args: infer Answer) => any
      ? Answer
      : never
    : never;

/** What a client answers first. */
export type Answer<Args extends any[]> = AckArgs<Args> extends [infer First, ...any[]]
  ? First
  : number extends AckArgs<Args>["length"]
    ? any
    : undefined;

/** The events whose last argument is an acknowledgement. */
export type EventNameWithAck<Map> = {
  [Name in EventName<Map>]: number extends EventArgs<Map, Name>["length"]
    ? Name
    : [AckArgs<EventArgs<Map, Name>>] extends [never]
      ? never
      : Name;
}[EventName<Map>];

type ReplaceAck<Args extends any[], Ack> = number extends Args["length"]
  ? any[]
  : [AckArgs<Args>] extends [never]
    ? Args
    : [...WithoutAck<Args>, Ack];

/** The same events, whose acknowledgements may time out. */
export type WithTimeout<Map> = {
  [Name in keyof Map]: (
    ...args: ReplaceAck<EventArgs<Map, Name>, (error: Error | null, ...answer: AckArgs<EventArgs<Map, Name>>) => void>
  ) => void;
};

/** The same events, which many clients acknowledge. */
export type ForMany<Map> = {
  [Name in keyof Map]: (
    ...args: ReplaceAck<EventArgs<Map, Name>, (error: Error | null, answers: Answer<EventArgs<Map, Name>>[]) => void>
  ) => void;
};

type ListenerOf<Map extends EventsMap, Reserved extends EventsMap, Name> = Name extends keyof Reserved
  ? Reserved[Name]
  : Name extends keyof Map
    ? Map[Name]
    : never;

// While the name is not known yet, the compiler needs a listener that an EventEmitter takes.
type Listener<Map extends EventsMap, Reserved extends EventsMap, Name> = [ListenerOf<Map, Reserved, Name>] extends [never]
  ? AnyFunction
  : ListenerOf<Map, Reserved, Name>;

/** An emitter that hears some events and sends others. */
export declare class TypedEmitter<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  Reserved extends EventsMap,
> extends EventEmitter {
  on<Name extends EventName<ListenEvents> | EventName<Reserved>>(
    ev: Name,
    listener: Listener<ListenEvents, Reserved, Name>,
  ): this;
  once<Name extends EventName<ListenEvents> | EventName<Reserved>>(
    ev: Name,
    listener: Listener<ListenEvents, Reserved, Name>,
  ): this;
  emit<Name extends EventName<EmitEvents>>(ev: Name, ...args: EventArgs<EmitEvents, Name>): boolean;
}
