export declare const target: string;
export declare function page(): string;
