import { flag, integer, number, required, share, text, texts } from './scenario-field.ts';
import type { ScenarioFields } from './scenario-field.ts';

/** Milliseconds below it, early in 1973, are seconds. */
const MILLISECONDS = { min_value: 100_000_000_000 };

/** S3-13 to S3-33. */
export const NEWS_FIELDS: ScenarioFields = {
  core: [
    integer('read_duration', 'Seconds read.'),
    share('read_progress', 'Share of the article read.'),
    integer('word_count', 'Words of the article.'),
    required(text('news_type', 'Section: politics, finance, technology, …')),
    text('source', 'Who published it.'),
    texts('keywords', 'Keywords of the article.'),
  ],
  optional: [
    text('author', 'Who wrote it.'),
    flag('is_breaking_news', 'Whether it is breaking news.'),
    integer('publish_time', 'When it was published, in epoch milliseconds.', MILLISECONDS),
  ],
  extra: [
    text('article_title', 'Title of the article.'),
    integer('publish_time', 'When it was published, in epoch seconds or milliseconds.'),
    text('author_id', 'Who wrote it.'),
    text('category', 'Category of the article.'),
    texts('tags', 'Tags of the article.'),
    integer('word_count', 'Words of the article.'),
    integer('image_count', 'Images in the article.'),
    integer('video_count', 'Videos in the article.'),
    integer('read_duration', 'Seconds read.'),
    share('scroll_depth', 'Share of the page scrolled through.'),
    flag('is_hot', 'Whether it is much read.'),
    number('heat_score', 'How much it is read.', { min_value: 0, max_value: 100 }),
  ],
};
