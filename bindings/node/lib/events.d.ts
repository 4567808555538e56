// Types that check emits and listeners against the events that a program declares.
import { EventEmitter } from "node:events";

/** A map from the name of each event to the type of its listener. */
export interface EventsMap {
  /** The type of the listener for this event. */
  [event: string]: any;
}

/** The default when a program declares no events: any name, any arguments. */
export interface DefaultEventsMap {
  /** A listener that accepts any arguments. */
  [event: string]: (...args: any[]) => void;
}

/** The names of the events in a map. */
export type EventName<Map> = keyof Map & string;

/** The arguments of an event, including the acknowledgement function. */
export type EventArgs<Map, Name extends keyof Map> = Map[Name] extends (...args: infer Args) => any ? Args : any[];

/** Any function. */
type AnyFunction = (...args: any[]) => any;

/** The arguments of an event without the acknowledgement function. */
export type WithoutAck<Args extends any[]> = number extends Args["length"]
  ? any[]
  : Args extends [...infer Rest, infer Last]
    ? Last extends AnyFunction
      ? Rest
      : Args
    : Args;

/** The values of an acknowledgement: the parameters of the acknowledgement function. */
export type AckArgs<Args extends any[]> = number extends Args["length"]
  ? any[]
  : Args extends [...any[], infer Last]
    ? Last extends (...args: infer Answer) => any
      ? Answer
      : never
    : never;

/** The first value of an acknowledgement, which is what `emitWithAck` resolves with. */
export type Answer<Args extends any[]> = AckArgs<Args> extends [infer First, ...any[]]
  ? First
  : number extends AckArgs<Args>["length"]
    ? any
    : undefined;

/** The names of the events whose last argument is an acknowledgement function. */
export type EventNameWithAck<Map> = {
  [Name in EventName<Map>]: number extends EventArgs<Map, Name>["length"]
    ? Name
    : [AckArgs<EventArgs<Map, Name>>] extends [never]
      ? never
      : Name;
}[EventName<Map>];

/** The arguments of an event with another type for the acknowledgement function. */
type ReplaceAck<Args extends any[], Ack> = number extends Args["length"]
  ? any[]
  : [AckArgs<Args>] extends [never]
    ? Args
    : [...WithoutAck<Args>, Ack];

/** The same events for an emit with a timeout: the acknowledgement function first receives an error or `null`. */
export type WithTimeout<Map> = {
  [Name in keyof Map]: (
    ...args: ReplaceAck<EventArgs<Map, Name>, (error: Error | null, ...answer: AckArgs<EventArgs<Map, Name>>) => void>
  ) => void;
};

/** The same events for a broadcast: the acknowledgement function receives an error or `null`, then one answer per client. */
export type ForMany<Map> = {
  [Name in keyof Map]: (
    ...args: ReplaceAck<EventArgs<Map, Name>, (error: Error | null, answers: Answer<EventArgs<Map, Name>>[]) => void>
  ) => void;
};

/** The type of the listener for an event of the library (`Reserved`) or of the program (`Map`). */
type ListenerOf<Map extends EventsMap, Reserved extends EventsMap, Name> = Name extends keyof Reserved
  ? Reserved[Name]
  : Name extends keyof Map
    ? Map[Name]
    : never;

/** The same; any function while `Name` is not known, so that `on` stays compatible with that of `EventEmitter`. */
type Listener<Map extends EventsMap, Reserved extends EventsMap, Name> = [ListenerOf<Map, Reserved, Name>] extends [never]
  ? AnyFunction
  : ListenerOf<Map, Reserved, Name>;

/** An `EventEmitter` that listens to `ListenEvents` and the library's `Reserved` events, and sends `EmitEvents`. */
export declare class TypedEmitter<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  Reserved extends EventsMap,
> extends EventEmitter {
  /** Adds a listener for an event. */
  on<Name extends EventName<ListenEvents> | EventName<Reserved>>(
    ev: Name,
    listener: Listener<ListenEvents, Reserved, Name>,
  ): this;
  /** Adds a listener that is removed before its first call. */
  once<Name extends EventName<ListenEvents> | EventName<Reserved>>(
    ev: Name,
    listener: Listener<ListenEvents, Reserved, Name>,
  ): this;
  /**
   * Sends an event to the client, or to all clients of the namespace or server. If the last argument is a function, it
   * receives the acknowledgement.
   *
   * @throws Error if `ev` is a reserved name, or if the arguments cannot be serialized as JSON.
   */
  emit<Name extends EventName<EmitEvents>>(ev: Name, ...args: EventArgs<EmitEvents, Name>): boolean;
}
