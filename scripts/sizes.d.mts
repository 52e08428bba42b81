type Limits = Record<string, number>;

export declare const target: string;
export declare const served: Limits;
export declare const additions: Limits;
export declare const features: Limits;
export declare const imported: Limits;
export declare const importedFeatures: Limits;
export declare function tables(): Record<string, string>;
export declare function withTables(page: string): string;
