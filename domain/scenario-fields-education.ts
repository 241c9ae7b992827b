import { flag, integer, number, required, share, text } from './scenario-field.ts';
import type { ScenarioFields } from './scenario-field.ts';

/** S5-12 to S5-33. */
export const EDUCATION_FIELDS: ScenarioFields = {
  core: [
    required(text('course_id', 'Course.')),
    integer('lesson_duration', 'Length of the lesson in seconds.'),
    integer('study_duration', 'Seconds studied.'),
    share('progress', 'Share of the course or lesson completed.'),
    number('score', 'Points reached.', { min_value: 0, max_value: 100 }),
    text('difficulty_level', 'Level of difficulty.'),
  ],
  optional: [
    text('chapter_id', 'Chapter.'),
    integer('exercise_count', 'Exercises.'),
    integer('correct_count', 'Exercises solved; at most exercise_count.'),
    flag('is_certificate_course', 'Whether it ends with a certificate.'),
  ],
  extra: [
    text('course_name', 'Name of the course.'),
    text('teacher', 'Teacher.'),
    text('category', 'Category of the course.'),
    text('difficulty', 'Level of difficulty.'),
    integer('duration', 'Length of the whole course in seconds.'),
    integer('chapter_count', 'Chapters of the course.'),
    integer('student_count', 'Students of the course.'),
    number('rating', 'Rating of the course.', { min_value: 0, max_value: 5 }),
    number('price', 'Price of the course.'),
    number('original_price', 'Price before the discount.'),
    share('learning_progress', 'Share of the course completed.'),
    number('speed', 'Speed of playing, 1 being normal.', { min_value: 0.25, max_value: 4 }),
    flag('subtitle', 'Whether subtitles were shown.'),
  ],
};
