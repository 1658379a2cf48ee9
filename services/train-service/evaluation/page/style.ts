/** The page's style, and the policy that lets exactly it apply and nothing load. */
import { createHash } from "node:crypto";

export const STYLE = `:root{color-scheme:light dark;--ink:light-dark(#1f2328,#e6edf3);--mute:light-dark(#59636e,#9da7b1);--line:light-dark(#d8dee4,#3a4048);--soft:light-dark(#f6f8fa,#1c2128);--page:light-dark(#fff,#0d1117);--base:light-dark(#8c6d1f,#d5a93f);--adapted:light-dark(#0969da,#58a6ff);--good:light-dark(#1a7f37,#3fb950);--bad:light-dark(#cf222e,#ff7b72);--none:light-dark(#6e7781,#8b949e)}
*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:60rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.5rem;margin:0 0 .2rem}h2{font-size:1.15rem;margin:2.4rem 0 .5rem}h3{font-size:.95rem;margin:1rem 0 .3rem}
.mute,figcaption,th{color:var(--mute)}.mute{margin:.4rem 0 1rem;font-size:.9rem;overflow-wrap:anywhere}
.verdict{border:1px solid var(--line);border-left:6px solid var(--none);border-radius:8px;background:var(--soft);padding:.8rem 1rem}
.verdict b{display:block;font-size:1.1rem}.verdict.improved{border-left-color:var(--good)}.verdict.regressed{border-left-color:var(--bad)}
.wide{overflow-x:auto}.wide+.wide{margin-top:1.2rem}table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}th{font-weight:500}td.n,th.n{text-align:right;white-space:nowrap}
tr.main td{font-weight:600}small{color:var(--mute);font-weight:400}.good{color:var(--good)}.bad{color:var(--bad)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(19rem,100%),1fr));gap:1rem}figure{margin:0;border:1px solid var(--line);border-radius:8px;padding:.6rem .8rem}
figcaption{font-size:.85rem}svg{display:block;width:100%;height:auto}svg text{fill:var(--mute);font:11px system-ui,sans-serif}
.axis{stroke:var(--line);stroke-width:1}.line{fill:none;stroke:var(--adapted);stroke-width:1.8}.line.raw{opacity:.3;stroke-width:1}.line.base{stroke:var(--base)}
.fill{opacity:.22;stroke:none}.fill.base,.dot.base{fill:var(--base)}.fill.adapted,.dot.adapted{fill:var(--adapted)}.line.adapted{stroke:var(--adapted)}.dot{opacity:.65}
.s0{fill:#4477aa}.s1{fill:#66ccee}.s2{fill:#228833}.s3{fill:#ccbb44}.s4{fill:#ee6677}.s5{fill:#aa3377}
.key{font-weight:600}.key.base{color:var(--base)}.key.adapted{color:var(--adapted)}
.near{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(18rem,100%),1fr));gap:0 1.5rem}.near ol{margin:0;padding-left:1.3rem}.near p{margin:.2rem 0}
blockquote{margin:1rem 0 .2rem;padding-left:.8rem;border-left:3px solid var(--line);overflow-wrap:anywhere}li{overflow-wrap:anywhere}td{overflow-wrap:break-word}td.s{white-space:nowrap}ul{padding-left:1.2rem}@media(max-width:40rem){td.n small{display:block}svg text{font-size:14px}}`;

export const REPORT_CSP = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;
