/** What does an issue say? Its document beside the list: facts, text, comments, attachments, and issues like it. */
import { useEffect, useMemo, useState, type KeyboardEvent, type ReactNode, type RefObject } from "react";

import { ask, query } from "../api/client";
import type { Document, SearchAnswer, Why } from "../api/types";
import { useLoad } from "../api/useLoad";
import { safeAddress } from "../markdown/address";
import { commentsOf, partsOf, type Comment, type Section } from "../markdown/document";
import { Markdown } from "../markdown/Markdown";
import { ProblemNote, Skeleton } from "../parts/Notes";
import { moment, short } from "../parts/text";
import { Link } from "../router";

interface Props {
  issue: string;
  kb: string | null;
  pane: RefObject<HTMLElement | null>;
  addressOf: (issue: string, kb: string) => string;
  onClose: () => void;
  onBack: () => void;
}

const FACTS = ["status", "priority", "issue_type", "resolution", "assignee", "reporter", "labels", "components", "fix_versions", "parent", "epic", "sprint", "security", "created", "updated", "resolved"];
const COMMENTS_AT_FIRST = 20;

export function DocumentPane({ issue, kb, pane, addressOf, onClose, onBack }: Props): ReactNode {
  const path = `/v1/documents/${encodeURIComponent(issue)}${query({ kb_id: kb })}`;
  const { data, problem, reload, loading } = useLoad(path, (signal) => ask<Document>("GET", path, { signal }), false);
  useEffect(() => {
    pane.current?.scrollTo(0, 0);
  }, [issue, pane]);
  const press = (event: KeyboardEvent): void => {
    if (event.key === "ArrowLeft" && event.target === event.currentTarget) onBack();
  };
  return (
    <aside className="document" ref={pane} aria-label={`Issue ${short(issue, 60)}`} aria-busy={loading} tabIndex={-1} onKeyDown={press}>
      <div className="document-head">
        <span className="key">{short(issue, 60)}</span>
        {data && <CopyButton text={data.markdown} />}
        {data && <JiraLink address={data.url} />}
        <button type="button" className="icon" onClick={onClose} aria-label="Close the document" title="Close (Esc)">
          ✕
        </button>
      </div>
      <ProblemNote problem={problem} retry={reload} />
      {!data && !problem && <Skeleton lines={12} label="Loading the document" />}
      {data && <Body document={data} addressOf={addressOf} />}
    </aside>
  );
}

function CopyButton({ text }: { text: string }): ReactNode {
  const [said, say] = useState("");
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => say(""), 2000);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => say("Copied"),
      () => say("Not allowed"),
    );
  };
  return (
    <button type="button" className="copy" onClick={copy}>
      <span aria-live="polite">{said || <>Copy<span className="wide"> as markdown</span></>}</span>
    </button>
  );
}

function JiraLink({ address }: { address: string }): ReactNode {
  const safe = safeAddress(address);
  return (
    safe && (
      <a className="button" href={safe} target="_blank" rel="noreferrer noopener">
        Open in Jira
      </a>
    )
  );
}

function Body({ document: shown, addressOf }: { document: Document; addressOf: Props["addressOf"] }): ReactNode {
  const parts = useMemo(() => partsOf(shown.markdown), [shown.markdown]);
  const facts = FACTS.flatMap((name) => parts.front.filter(([key]) => key === name));
  return (
    <div className="document-body">
      <h1>
        <bdi>{short(shown.title, 1000) || "(no summary)"}</bdi>
      </h1>
      <dl className="pairs">
        {facts.map(([name, value]) => (
          <Fact key={name} name={name} value={value} />
        ))}
      </dl>
      {parts.sections.map((section, number) => (
        <SectionView key={number} section={section} />
      ))}
      {shown.attachments.map((file) => (
        <AttachmentView key={file.id} file={file} />
      ))}
      <Similar issue={shown.key} kb={shown.kb_id} addressOf={addressOf} />
    </div>
  );
}

/** Its text is drawn when it is opened: an issue may have hundreds of files. */
function AttachmentView({ file }: { file: Document["attachments"][number] }): ReactNode {
  const [isOpen, open] = useState(false);
  return (
    <section>
      <h2>
        Attachment: <bdi>{short(file.title, 200)}</bdi>
      </h2>
      <details onToggle={(event) => open(event.currentTarget.open)}>
        <summary>Its text</summary>
        {isOpen && <Markdown text={partsOf(file.markdown).sections.map((section) => section.text).join("\n\n")} />}
      </details>
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }): ReactNode {
  const isTime = /^\d{4}-\d\d-\d\dT/.test(value);
  return (
    <>
      <dt>{name.replaceAll("_", " ")}</dt>
      <dd>
        <bdi>{isTime ? moment(value) : short(value.replaceAll(",", ", "), 500)}</bdi>
      </dd>
    </>
  );
}

function SectionView({ section }: { section: Section }): ReactNode {
  return (
    <section>
      {section.heading && <h2>{section.heading}</h2>}
      {section.heading === "Comments" || section.heading === "Work log" ? (
        <Comments text={section.text} />
      ) : (
        <Markdown text={section.text} />
      )}
    </section>
  );
}

function Comments({ text }: { text: string }): ReactNode {
  const all = useMemo(() => commentsOf(text), [text]);
  const [shown, show] = useState(COMMENTS_AT_FIRST);
  return (
    <div>
      {all.slice(0, shown).map((comment, number) => (
        <CommentView key={number} comment={comment} />
      ))}
      {all.length > shown && (
        <button type="button" className="quiet" onClick={() => show(shown + 100)}>
          Show older ones ({all.length - shown})
        </button>
      )}
    </div>
  );
}

function CommentView({ comment }: { comment: Comment }): ReactNode {
  return (
    <article className="comment">
      {comment.author && (
        <header className="comment-head">
          <strong>
            <bdi>{short(comment.author, 200)}</bdi>
          </strong>
          <time className="muted" dateTime={comment.time}>
            {moment(comment.time)}
          </time>
        </header>
      )}
      <Markdown text={comment.text} />
    </article>
  );
}

function Similar({ issue, kb, addressOf }: { issue: string; kb: string; addressOf: Props["addressOf"] }): ReactNode {
  const { data, problem, reload } = useLoad(
    `${kb} ${issue}`,
    (signal) => ask<SearchAnswer>("POST", "/v1/similar", { body: { issue, kb_id: kb, limit: 8 }, signal }),
    false,
  );
  return (
    <section aria-label="Similar issues">
      <h2>Similar issues</h2>
      <ProblemNote problem={problem} retry={reload} />
      {!data && !problem && <Skeleton lines={4} label="Looking for similar issues" />}
      {data?.hits.length === 0 && <p className="muted">None.</p>}
      <ul className="similar">
        {data?.hits.map((hit) => (
          <li key={hit.key}>
            <span className="hit-title">
              <span className="key">{short(hit.key, 60)}</span>
              <Link to={addressOf(hit.key, hit.kb_id)}>
                <bdi>{short(hit.title) || "(no summary)"}</bdi>
              </Link>
            </span>
            {hit.why && <span className="meta">{reasons(hit.why)}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function reasons(why: Why): ReactNode {
  const fields = Object.entries(why.fields).map(([name, values]) => `same ${name}: ${values.slice(0, 3).join(", ")}`);
  const words = why.words.length ? [`both say ${why.words.slice(0, 6).join(", ")}`] : [];
  const near = why.passages ? [`meaning ${why.passages.cosine.toFixed(2)}`] : [];
  return [...words, ...near, ...fields].map((reason) => <span key={reason}>{short(reason, 160)}</span>);
}
