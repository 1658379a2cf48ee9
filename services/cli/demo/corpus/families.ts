/**
 * The demo's own domain: what an industrial supplier sells. A family is a kind of part; each of its features has values, and
 * each value the spellings that catalogues, dealers and buyers use for it. Spelling 0 is the house catalogue's.
 */

/** Spellings of one value. */
export type Spellings = readonly string[];

export interface Feature {
	readonly values: readonly Spellings[];
	/** Share of the items that have it; the size of a part is never left out. */
	readonly share?: number;
	/** Left out by dealers and buyers now and then. */
	readonly optional?: boolean;
}

export interface Family {
	readonly nouns: Spellings;
	readonly brands: readonly string[];
	/** Prefix of the part numbers. */
	readonly code: string;
	readonly features: readonly Feature[];
	readonly items: number;
}

const grid = (
	a: readonly (string | number)[],
	b: readonly (string | number)[],
	spell: (x: string | number, y: string | number) => Spellings,
): Spellings[] => a.flatMap((x) => b.map((y) => spell(x, y)));

const metric = grid([4, 5, 6, 8, 10, 12, 16], [12, 16, 20, 25, 30, 40, 50, 60, 80, 100], (d, l) => [
	`M${d}x${l}`,
	`M${d} x ${l} mm`,
	`${d}x${l}`,
	`M ${d}X${l}MM`,
	`M${d}-${l}`,
]);
const steel: Feature = {
	values: [
		["8.8 zinc plated", "8.8 Zn", "gr 8.8 galv.", "cl. 8.8 ZP", "grade 8.8 galvanised"],
		["10.9 plain", "10.9 blk", "class 10.9 self colour", "gr10.9", "grade 10.9 black"],
		["stainless A2", "A2-70", "A2 SS", "inox A2", "304 stainless"],
		["stainless A4", "A4-80", "A4 SS", "inox A4", "316 marine stainless"],
	],
};
const thread = (sizes: readonly [string, string][]): Feature => ({
	values: sizes.map(([inch, dn]) => [`G${inch}"`, `BSP ${inch}`, `${inch} inch BSP`, `${inch}in. gas`, `DN${dn}`]),
});
const BSP = thread([
	["1/4", "8"],
	["3/8", "10"],
	["1/2", "15"],
	["3/4", "20"],
	["1", "25"],
	["1 1/4", "32"],
	["1 1/2", "40"],
	["2", "50"],
]);
const barrel = (thread: string | number, range: string | number): Spellings => [
	`${thread}, Sn ${range} mm`,
	`${thread} range ${range}mm`,
	`${String(thread).slice(1)} mm barrel sensing ${range} mm`,
	`${thread} ${range} mm switching distance`,
];
const volts: Feature = {
	values: [
		["400V AC", "3~400 V", "400 volt three-phase", "400VAC 3ph"],
		["230V AC", "230VAC", "230 V~", "mains 230 volt"],
		["110V AC", "110VAC", "110 V~", "110 volt ac"],
	],
};

export const FAMILIES: readonly Family[] = [
	{
		nouns: ["Hexagon head bolt", "hex bolt", "BOLT HEX HD", "hex set screw", "hexagon cap screw", "machine bolt"],
		brands: ["Norfast", "Bultverk", "Reyfix"],
		code: "HB",
		features: [
			{ values: metric },
			steel,
			{
				values: [
					["DIN 933", "ISO 4017", "full thread", "fully threaded", "FT"],
					["DIN 931", "ISO 4014", "part thread", "partially threaded", "PT"],
				],
			},
		],
		items: 130,
	},
	{
		nouns: ["Socket head cap screw", "allen screw", "SCREW SOC CAP", "hex socket screw", "SHCS", "allen bolt"],
		brands: ["Norfast", "Bultverk", "Kantec"],
		code: "SC",
		features: [
			{ values: metric },
			steel,
			{
				values: [
					["DIN 912", "ISO 4762", "cylinder head"],
					["DIN 7991", "ISO 10642", "countersunk", "CSK"],
					["ISO 7380", "button head", "BTN HD"],
				],
			},
		],
		items: 120,
	},
	{
		nouns: ["Deep groove ball bearing", "ball bearing", "BRG DGBB", "single row ball brg", "radial bearing"],
		brands: ["Ostra", "Kugelmann", "Tarvo"],
		code: "BB",
		features: [
			{
				values: grid(["60", "62", "63"], ["00", "01", "02", "03", "04", "05", "06", "07", "08"], (s, b) => [
					`${s}${b}`,
					`${s}-${b}`,
					`${s} ${b} series`,
					`type ${s}${b}`,
				]),
			},
			{
				values: [
					["2RS", "2RSR", "rubber sealed both sides", "2RS1", "sealed"],
					["ZZ", "2Z", "metal shields", "shielded", "2ZR"],
					["open", "unsealed", "no seals", "w/o seal"],
				],
			},
			{
				values: [
					["C3", "C3 clearance", "increased clearance", "/C3"],
					["CN", "normal clearance", "std clearance", "C0"],
				],
				optional: true,
				share: 0.7,
			},
		],
		items: 100,
	},
	{
		nouns: ["V-belt", "vee belt", "BELT V", "wedge belt", "drive belt"],
		brands: ["Drivex", "Tarvo", "Pulmax"],
		code: "VB",
		features: [
			{
				values: grid(["SPZ", "SPA", "SPB", "XPZ"], [800, 950, 1000, 1120, 1250, 1400, 1600, 1800], (p, l) => [
					`${p} ${l}`,
					`${p}-${l}`,
					`${p}${l} LW`,
					`${p} ${l} mm`,
					`${p} section ${l}mm pitch length`,
				]),
			},
			{
				values: [
					["cogged", "raw edge", "moulded notch", "CX"],
					["wrapped", "smooth", "jacketed"],
				],
				optional: true,
			},
		],
		items: 60,
	},
	{
		nouns: ["Ball valve", "VALVE BALL", "2-way ball valve", "quarter turn valve", "shut-off ball valve"],
		brands: ["Fluvia", "Rohrwerk", "Aquastop"],
		code: "BV",
		features: [
			BSP,
			{
				values: [
					["brass nickel plated", "Ms58 Ni", "brass NP", "nickelled brass"],
					["stainless 316", "CF8M", "AISI 316", "V4A", "inox 316"],
				],
			},
			{
				values: [
					["PN16", "16 bar", "PN 16 rated"],
					["PN40", "40 bar", "PN 40 rated"],
					["PN63", "63 bar", "PN 63 rated"],
				],
			},
			{
				values: [
					["lever handle", "lever op.", "w/ lever", "red lever"],
					["butterfly handle", "T-handle", "wing handle"],
				],
				optional: true,
			},
		],
		items: 90,
	},
	{
		nouns: ["Hydraulic hose assembly", "hyd. hose", "HOSE HYD ASSY", "high pressure hose", "hydraulic line"],
		brands: ["Fluvia", "Hydrokraft", "Presso"],
		code: "HH",
		features: [
			BSP,
			{
				values: [
					["2SN", "two wire braid", "EN 853 2SN", "2-wire"],
					["4SP", "four wire spiral", "EN 856 4SP", "4-wire"],
					["1SC", "one wire compact", "EN 857 1SC", "1-wire"],
				],
			},
			{
				values: [500, 800, 1000, 1200, 1500, 2000, 3000].map((l) => [
					`L=${l} mm`,
					`${l}mm`,
					`${l / 1000} m`,
					`length ${l / 1000} metre`,
					`LG ${l}`,
				]),
			},
			{
				values: [
					["straight/straight", "both ends straight", "STR-STR", "0/0 deg"],
					["straight/90°", "one elbow 90", "STR-90", "0/90 deg"],
				],
				optional: true,
			},
		],
		items: 100,
	},
	{
		nouns: ["Contactor", "CONTACTOR 3P", "power contactor", "motor contactor", "magnetic contactor"],
		brands: ["Elkontakt", "Schaltwerk", "Voltano"],
		code: "KM",
		features: [
			{ values: [9, 12, 18, 25, 32, 40, 50, 65, 80].map((a) => [`${a}A AC-3`, `${a} A`, `${a}amp AC3`, `Ie ${a} A`, `${a} ampere`]) },
			{
				values: [
					["coil 24V DC", "24VDC coil", "Uc 24 V=", "bobine 24 vdc"],
					["coil 230V AC", "230VAC coil", "Uc 230 V~", "coil 230 volt"],
					["coil 110V AC", "110VAC coil", "Uc 110 V~"],
				],
			},
			{
				values: [
					["1NO+1NC", "1 NO 1 NC aux", "11 aux", "aux. 1S+1Ö"],
					["1NO", "1 NO aux", "10 aux", "one make contact"],
				],
				optional: true,
			},
		],
		items: 80,
	},
	{
		nouns: ["Miniature circuit breaker", "MCB", "CIRCUIT BREAKER MINI", "automatic fuse", "line protection switch"],
		brands: ["Elkontakt", "Voltano", "Sikra"],
		code: "CB",
		features: [
			{
				values: grid(["B", "C", "D"], [6, 10, 16, 20, 25, 32, 40, 63], (c, a) => [
					`${c}${a}`,
					`${a}A type ${c}`,
					`${c} curve ${a} A`,
					`${c} ${a}amp`,
					`char. ${c} ${a} A`,
				]),
			},
			{
				values: [
					["1P", "single pole", "1 pole", "1-pol"],
					["2P", "double pole", "2 pole"],
					["3P", "triple pole", "3 pole", "3-pol"],
					["1P+N", "one pole + neutral", "1pol N"],
				],
			},
			{
				values: [
					["6kA", "6 kA", "6000 A breaking", "Icn 6kA"],
					["10kA", "10 kA", "10000 A breaking", "Icn 10kA"],
				],
				optional: true,
			},
		],
		items: 100,
	},
	{
		nouns: ["Inductive proximity sensor", "prox switch", "SENSOR INDUCTIVE", "proximity switch", "inductive sensor"],
		brands: ["Sensovar", "Detektra", "Schaltwerk"],
		code: "PS",
		features: [
			{
				values: [
					...grid(["M8"], [1.5, 2, 3, 4], barrel),
					...grid(["M12"], [2, 4, 6, 8], barrel),
					...grid(["M18"], [5, 8, 10, 12], barrel),
					...grid(["M30"], [10, 15, 20, 22], barrel),
				],
			},
			{
				values: [
					["PNP NO", "PNP n.o.", "pnp make", "PNP normally open"],
					["NPN NO", "NPN n.o.", "npn make", "NPN normally open"],
					["PNP NC", "PNP n.c.", "pnp break", "PNP normally closed"],
				],
			},
			{
				values: [
					["M12 connector", "M12 plug", "4-pin M12", "w. M12 conn."],
					["2 m cable", "cable 2m PVC", "2 metre lead", "w/ cable 2 m"],
				],
				optional: true,
			},
		],
		items: 100,
	},
	{
		nouns: ["Twist drill bit", "drill", "DRILL HSS", "jobber drill", "metal drill bit"],
		brands: ["Kantec", "Spirato", "Bohrmann"],
		code: "TD",
		features: [
			{
				values: [2, 2.5, 3, 3.3, 4, 4.2, 5, 6, 6.8, 8, 8.5, 10, 10.2, 12, 13].map((d) => [
					`Ø${d.toFixed(1)} mm`,
					`${d}mm`,
					`D${d}`,
					`dia ${d}`,
					`${d} millimetre`,
				]),
			},
			{
				values: [
					["HSS-Co5", "cobalt 5%", "HSSE", "M35"],
					["HSS-G", "ground HSS", "HSS bright"],
					["HSS-TiN", "TiN coated", "titanium nitride"],
					["solid carbide", "VHM", "tungsten carbide", "SC"],
				],
			},
			{
				values: [
					["DIN 338", "jobber length", "std length"],
					["DIN 340", "long series", "extra long"],
					["DIN 1897", "stub", "extra short"],
				],
			},
		],
		items: 110,
	},
	{
		nouns: ["Cutting disc", "cut-off wheel", "DISC CUTTING", "slitting disc", "metal cutting wheel"],
		brands: ["Spirato", "Abrasol", "Grindex"],
		code: "CD",
		features: [
			{
				values: grid([115, 125, 180, 230], ["1.0", "1.6", "2.0", "2.5"], (d, t) => [
					`${d}x${t}x22.23`,
					`${d} x ${t} mm`,
					`${d}mm thk ${t}`,
					`Ø${d} ${t}mm thick`,
				]),
			},
			{
				values: [
					["inox", "for stainless", "stainless steel", "A46 inox"],
					["steel", "for metal", "mild steel", "A30 steel"],
					["stone", "for concrete", "masonry", "C30 stone"],
				],
			},
			{
				values: [
					["flat T41", "type 41", "flat", "straight"],
					["depressed T42", "type 42", "depressed centre", "DPC"],
				],
				optional: true,
			},
		],
		items: 60,
	},
	{
		nouns: ["O-ring", "O RING", "oring seal", "round section ring", "toroidal seal"],
		brands: ["Seltec", "Gummex", "Presso"],
		code: "OR",
		features: [
			{
				values: grid([6, 8, 10, 12, 15, 18, 20, 25, 30, 40, 50], [1.5, 2, 2.5, 3], (d, c) => [
					`${d}x${c}`,
					`${d} x ${c} mm`,
					`ID ${d} CS ${c}`,
					`${d}mm inner ${c}mm section`,
					`${d},00x${c}`,
				]),
			},
			{
				values: [
					["NBR 70", "nitrile 70 sh", "Perbunan", "Buna-N 70"],
					["FKM 75", "Viton", "fluororubber", "FPM 75"],
					["EPDM 70", "ethylene propylene", "EPDM sh70"],
					["silicone 70", "VMQ", "MVQ 70", "silicon rubber"],
				],
			},
		],
		items: 110,
	},
	{
		nouns: ["Pressure gauge", "manometer", "GAUGE PRESS", "bourdon gauge", "pressure indicator"],
		brands: ["Manotek", "Fluvia", "Presso"],
		code: "PG",
		features: [
			{
				values: [
					["0-6 bar", "6 bar", "0/6 bar", "range 6 bar"],
					["0-10 bar", "10 bar", "0/10 bar", "range 10 bar"],
					["0-16 bar", "16 bar", "0/16 bar"],
					["0-25 bar", "25 bar", "0/25 bar"],
					["0-100 bar", "100 bar", "0/100 bar"],
					["0-250 bar", "250 bar", "0/250 bar"],
				],
			},
			{
				values: [
					["Ø63", "63 mm dial", "DN63", "63mm"],
					["Ø100", "100 mm dial", "DN100", "100mm"],
					["Ø50", "50 mm dial", "DN50", "50mm"],
				],
			},
			{
				values: [
					["bottom connection", "lower mount", "radial", "bottom entry"],
					["rear connection", "back mount", "axial", "centre back entry"],
				],
			},
			{
				values: [
					["glycerine filled", "liquid filled", "glyc.", "wet"],
					["dry", "unfilled", "w/o filling"],
				],
				optional: true,
			},
		],
		items: 90,
	},
	{
		nouns: ["Pneumatic cylinder", "air cylinder", "CYL PNEU", "compact cylinder", "air ram"],
		brands: ["Airoflex", "Pneumat", "Hydrokraft"],
		code: "PC",
		features: [
			{
				values: grid([16, 20, 25, 32, 40, 50, 63], [10, 25, 50, 80, 100, 160], (b, s) => [
					`${b}x${s}`,
					`bore ${b} stroke ${s}`,
					`Ø${b} H${s}`,
					`D${b}-${s}`,
					`${b} mm bore, ${s} mm stroke`,
				]),
			},
			{
				values: [
					["double acting", "DA", "dbl-acting", "doppeltwirkend"],
					["single acting", "SA", "sgl acting spring return"],
				],
			},
			{
				values: [
					["ISO 15552", "VDMA 24562", "ISO cyl"],
					["ISO 21287", "compact ISO", "short stroke type"],
					["ISO 6432", "round body", "mini cyl"],
				],
				optional: true,
			},
		],
		items: 100,
	},
	{
		nouns: ["Cable gland", "CABLE GLAND", "strain relief gland", "cord grip", "cable fitting"],
		brands: ["Kabelfix", "Sikra", "Elkontakt"],
		code: "CG",
		features: [
			{
				values: [
					["M16x1.5", "M16", "16 mm metric"],
					["M20x1.5", "M20", "20 mm metric"],
					["M25x1.5", "M25", "25 mm metric"],
					["M32x1.5", "M32", "32 mm metric"],
					["PG11", "Pg 11"],
					["PG16", "Pg 16"],
					["M40x1.5", "M40", "40 mm metric"],
				],
			},
			{
				values: [
					["polyamide grey", "PA6 RAL7035", "nylon grey", "plastic gry"],
					["brass nickel plated", "Ms Ni", "nickelled brass", "metal"],
					["polyamide black", "PA6 RAL9005", "nylon black", "plastic blk"],
				],
			},
			{
				values: [
					["IP68", "IP 68", "watertight", "submersible"],
					["IP54", "IP 54", "splash proof"],
				],
				optional: true,
			},
		],
		items: 50,
	},
	{
		nouns: ["Gear motor", "geared motor", "GEARMOTOR", "helical gear unit", "motor reducer"],
		brands: ["Drivex", "Motorica", "Pulmax"],
		code: "GM",
		features: [
			{
				values: grid(["0.18", "0.25", "0.37", "0.55", "0.75", "1.1", "1.5"], [14, 28, 47, 70, 140], (p, n) => [
					`${p}kW ${n} rpm`,
					`${p} kW n2=${n}`,
					`${Number(p) * 1000}W ${n}/min`,
					`${p} kilowatt, output ${n} rev/min`,
				]),
			},
			{
				values: [
					["B3", "foot mount", "foot mtd", "IM B3"],
					["B5", "flange mount", "flange mtd", "IM B5"],
				],
			},
			{
				values: [
					["with brake", "brake motor", "w/ brake", "BR"],
					["no brake", "w/o brake", "without brake"],
				],
				optional: true,
			},
			volts,
		],
		items: 90,
	},
];
