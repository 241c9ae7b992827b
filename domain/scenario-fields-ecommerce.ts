import { flag, integer, number, required, share, text, texts } from './scenario-field.ts';
import type { ScenarioFields } from './scenario-field.ts';

/** S2-11 to S2-34. */
export const ECOMMERCE_FIELDS: ScenarioFields = {
  core: [
    required(number('price', 'Price asked, in the currency.')),
    text('currency', 'Code of the currency by ISO 4217.'),
    integer('quantity', 'Pieces.', { min_value: 1 }),
    share('discount', 'Fraction taken off the original price.'),
    text('category_path', 'Path of the category, /clothes/women/dresses.'),
    text('brand', 'Brand.'),
    text('sku_id', 'Id of the stock-keeping unit.'),
  ],
  optional: [
    texts('product_tags', 'Tags of the product.'),
    integer('stock_count', 'Pieces in stock.'),
    text('coupon_id', 'Coupon used.'),
  ],
  extra: [
    text('product_name', 'Name of the product.'),
    number('price', 'Price asked, in the currency.'),
    number('original_price', 'Price before the discount.'),
    share('discount_rate', 'Fraction taken off the original price.'),
    text('category', 'Path of the category.'),
    text('brand', 'Brand.'),
    text('sku_id', 'Id of the stock-keeping unit.'),
    integer('stock', 'Pieces in stock.'),
    integer('sales', 'Pieces sold.'),
    number('rating', 'Rating by buyers.', { min_value: 0, max_value: 5 }),
    integer('review_count', 'Number of reviews.'),
    number('shipping_fee', 'What sending it costs.'),
    flag('is_free_return', 'Whether returning it is free.'),
    text('delivery_time', 'When it arrives, in words.'),
  ],
};
